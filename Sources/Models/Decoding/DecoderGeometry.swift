import Architectures
import Tensors

/// The numbers of a `ModelConfig` that layers compute with.
struct DecoderGeometry {
    let heads: Int
    let kvHeads: Int
    let headDim: Int
    let rotatedWidth: Int
    let ffnSize: Int
    /// What scores are multiplied with.
    let scoreScale: Float
    /// `cap * tanh(x / cap)` of scores; nil for none.
    let scoreCap: Float?
    let activation: Activation
    /// Whether the MLP has a gate, whose columns then stand before those of up.
    let isGated: Bool
    let isParallel: Bool

    init(_ config: ModelConfig) {
        heads = config.heads
        kvHeads = config.kvHeads
        headDim = config.headDim
        rotatedWidth = config.rotatedWidth
        ffnSize = config.ffnSize
        scoreScale = config.block.scoreScale ?? 1 / Float(config.headDim).squareRoot()
        scoreCap = config.block.scoreCap
        isParallel = config.block.isParallel
        switch config.block.feedForward {
        case .gated(let activation): (self.activation, isGated) = (activation.kernel, true)
        case .plain(let activation): (self.activation, isGated) = (activation.kernel, false)
        }
    }
}

extension BlockDescription.Activation {
    /// As the kernels call it.
    package var kernel: Activation {
        switch self {
        case .silu: .silu
        case .gelu: .gelu
        case .tanhGELU: .geluTanh
        }
    }
}
