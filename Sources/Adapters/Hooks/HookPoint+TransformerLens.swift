/// TransformerLens names of places, which SAELens stores as `hook_name`.
extension HookPoint {
    /// Reads `blocks.L.hook_resid_post` (the output of block L), `blocks.L.hook_resid_pre` (that of block L - 1) and
    /// `blocks.L.hook_mlp_out`; nil for anything else, the embeddings (`blocks.0.hook_resid_pre`) included.
    package init?(transformerLens name: String) {
        guard let (layer, hook) = Self.split(name) else { return nil }
        switch hook {
        case "hook_resid_post": self = .residual(layer: layer)
        case "hook_resid_pre" where layer > 0: self = .residual(layer: layer - 1)
        case "hook_mlp_out": self = .mlp(layer: layer)
        default: return nil
        }
    }

    /// The layer of a name for what an MLP is given, after its norm; nil for anything else.
    static func mlpInputLayer(transformerLens name: String) -> Int? {
        guard let (layer, hook) = split(name), ["hook_mlp_in", "mlp.hook_in", "ln2.hook_normalized"].contains(hook) else { return nil }
        return layer
    }

    private static func split(_ name: String) -> (layer: Int, hook: Substring)? {
        let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "blocks", !parts[1].isEmpty, parts[1].utf8.count <= 6,
            parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let layer = Int(parts[1])
        else { return nil }
        return (layer, parts[2])
    }
}
