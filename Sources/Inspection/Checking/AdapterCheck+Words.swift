import AdapterRegistry
import Adapters

extension AdapterCheck {
    /// The base that it names, and where it was found.
    package var baseLine: String? {
        guard let name = summary.baseModel else { return "the adapter names none" }
        guard let basePath else { return "\(name), not found on this machine: compared with what the adapter's folder records" }
        return basePath == name ? name : "\(name), found at \(basePath)"
    }

    /// Layers and places that it changes or reads.
    package var touchLine: String? {
        let layers = summary.kind == .lora ? summary.layers : summary.hookpoints.map(\.layer)
        guard let first = layers.min(), let last = layers.max() else { return nil }
        let places = summary.kind == .lora ? summary.modules.map(\.rawValue) : summary.hookpoints.map(\.description)
        return "layers \(first)-\(last): \(places.joined(separator: ", "))"
    }
}
