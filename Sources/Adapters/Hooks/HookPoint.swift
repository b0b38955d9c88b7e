/// A place in the decoder where the activations of every token can be read and written.
///
/// Written as Hugging Face module paths, the way sparsify names its folders: `layers.12` (also `model.layers.12`) is the output
/// of block 12, that is the residual stream after it; `layers.12.mlp` is the output of its MLP before the residual add.
package enum HookPoint: Hashable, Sendable, Comparable, CustomStringConvertible {
    case residual(layer: Int)
    case mlp(layer: Int)

    /// Which of the two places of a layer.
    package enum Site: String, Sendable, CaseIterable {
        case residual = "resid"
        case mlp
    }

    package init(layer: Int, site: Site) {
        self = site == .mlp ? .mlp(layer: layer) : .residual(layer: layer)
    }

    /// Reads `layers.N`, `model.layers.N` and the same with `.mlp`; nil for anything else.
    package init?(_ text: String) {
        var parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.first == "model" { parts.removeFirst() }
        guard parts.count == 2 || parts.count == 3, parts[0] == "layers" else { return nil }
        guard !parts[1].isEmpty, parts[1].utf8.count <= 6, parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let layer = Int(parts[1])
        else { return nil }
        if parts.count == 3 {
            guard parts[2] == "mlp" else { return nil }
            self = .mlp(layer: layer)
        } else {
            self = .residual(layer: layer)
        }
    }

    package var layer: Int {
        switch self {
        case .residual(let layer), .mlp(let layer): layer
        }
    }

    package var site: Site {
        switch self {
        case .residual: .residual
        case .mlp: .mlp
        }
    }

    package var description: String {
        switch self {
        case .residual(let layer): "layers.\(layer)"
        case .mlp(let layer): "layers.\(layer).mlp"
        }
    }

    /// Dense index for tables: the order in which a forward pass reaches the hookpoints.
    var tableIndex: Int {
        switch self {
        case .mlp(let layer): layer * 2
        case .residual(let layer): layer * 2 + 1
        }
    }

    /// In the order of the forward pass: a layer's MLP output comes before its block output.
    package static func < (a: HookPoint, b: HookPoint) -> Bool { a.tableIndex < b.tableIndex }
}

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

/// Places as Hugging Face's modules have them, which Gemma Scope 2 stores as `hf_hook_point_in` and `hf_hook_point_out`.
extension HookPoint {
    enum Module: Equatable, CustomStringConvertible {
        case hookpoint(HookPoint)
        /// What the MLP is given, after its norm.
        case mlpInput(layer: Int)

        /// Reads `model.layers.N.output`, `...post_feedforward_layernorm.output` (what the MLP adds to the residual stream) and
        /// `...pre_feedforward_layernorm.output`; nil for anything else.
        init?(_ name: String) {
            let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, parts[0] == "model", let point = HookPoint("\(parts[1]).\(parts[2])") else { return nil }
            switch parts[3] {
            case "output": self = .hookpoint(point)
            case "post_feedforward_layernorm.output": self = .hookpoint(.mlp(layer: point.layer))
            case "pre_feedforward_layernorm.output": self = .mlpInput(layer: point.layer)
            default: return nil
            }
        }

        var description: String {
            switch self {
            case .hookpoint(let point): point.description
            case .mlpInput(let layer): "the MLP's input in layers.\(layer)"
            }
        }
    }
}
