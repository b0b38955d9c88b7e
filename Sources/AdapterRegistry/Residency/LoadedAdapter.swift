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

/// The use of one loaded adapter by one request: as long as it lives, the adapter is not evicted.
final class AdapterLease: Sendable {
    private let key: LoadKey
    private let slot: Int
    private let residency: AdapterResidency

    /// Takes over a use that `residency` has counted already.
    init(_ key: LoadKey, slot: Int, of residency: AdapterResidency) {
        (self.key, self.slot, self.residency) = (key, slot, residency)
    }

    deinit { residency.release(key, slot: slot) }
}
