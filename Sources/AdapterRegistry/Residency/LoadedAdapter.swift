import Adapters

/// One version of one adapter, and of an SAE one hookpoint.
struct LoadKey: Hashable, Sendable {
    let name: String
    let digest: String
    let hookpoint: HookPoint?
}

/// An adapter in memory.
enum LoadedAdapter: Sendable {
    case lora(LoRAAdapter)
    case sae(SparseAutoencoder)
    case vector(SteeringVectors)

    /// Memory it takes.
    var bytes: Int {
        switch self {
        case .lora(let adapter): adapter.byteCount
        case .sae(let sae): sae.byteCount
        case .vector(let vectors): vectors.byteCount
        }
    }
}
