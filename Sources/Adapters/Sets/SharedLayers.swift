/// How far an adapter leaves the base model alone, counted in blocks from the bottom.
///
/// The first `n` blocks are *shared* when their keys and values, and the residual stream after them (before anything that hooks into it
/// there), are the base model's bit for bit. A LoRA on any projection of block L shares L blocks: what comes into block L is the base's.
/// So does a hook at `layers.L.mlp`. A hook at `layers.L` shares L + 1: it acts on what block L has put out. What has a condition shares no
/// more than a hook where that is read: a row that begins above could not tell whether it holds.
extension AppliedAdapter {
    /// `Int.max` for what changes nothing.
    var sharedLayers: Int {
        guard changesActivations else { return .max }
        let read = condition?.hookpoint.sharedLayers ?? .max
        switch self {
        case .lora(let lora, let scale): return scale == 0 ? .max : lora.sharedLayers
        case .sae(let intervention): return min(read, intervention.hookpoint.sharedLayers)
        case .vector(let steering): return min(read, steering.hookpoints.map(\.sharedLayers).min() ?? .max)
        }
    }
}

extension HookPoint {
    /// Blocks that are shared when something is changed here.
    fileprivate var sharedLayers: Int {
        switch self {
        case .mlp(let layer): layer
        case .residual(let layer): layer + 1
        }
    }
}

extension LoRAAdapter {
    /// The lowest block with an update that does something; `Int.max` when there is none. Layers whose update is all zeros are left alone:
    /// SAE-Tuning in `cut` mode never trains those at or below its hook.
    package var sharedLayers: Int {
        for layer in 0..<layers {
            for module in ProjectionModule.allCases where update(layer: layer, module: module)?.doesNothing == false { return layer }
        }
        return .max
    }
}
