/// What the blocks of a model compute, beside the products with their weights: which norms there are and which projections have biases says
/// the `WeightTable`. As it stands here, it is Llama's: `h += o(attention(rotary(qkv(rms(h)))))`, `h += down(silu(gate(rms(h))) * up(rms(h)))`.
package struct BlockDescription: Sendable, Equatable {
    package enum Norm: Sendable, Equatable {
        /// `x / sqrt(mean(x^2) + epsilon) * weight`
        case rootMeanSquare
        /// `(x - mean) / sqrt(variance + epsilon) * weight + bias`
        case layer
    }

    package enum Activation: String, Sendable, Equatable {
        case silu = "SiLU"
        /// With the error function.
        case gelu = "GELU"
        case tanhGELU = "tanh-GELU"
    }

    package enum FeedForward: Sendable, Equatable {
        /// `down(activation(gate(x)) * up(x))`
        case gated(Activation)
        /// `down(activation(up(x)))`
        case plain(Activation)
    }

    package enum Positions: Sendable, Equatable {
        /// The first part of every head is rotated, this much of it.
        case rotary(fraction: Double)
        /// An embedding for each position, added to the token's.
        case learned
    }

    /// Of one layer, where layers differ.
    package struct Attention: Sendable, Equatable {
        /// Positions that a token sees, itself among them; nil for all before it.
        package var window: Int?
        /// The base of the rotary frequencies, which no scaling changes; nil for the model's.
        package var ropeTheta: Double?

        package init(window: Int? = nil, ropeTheta: Double? = nil) { (self.window, self.ropeTheta) = (window, ropeTheta) }
    }

    package var norm = Norm.rootMeanSquare
    package var feedForward = FeedForward.gated(.silu)
    package var positions = Positions.rotary(fraction: 1)

    /// Attention and MLP both read the block's input, through norms of their own: `h += o(attention(norm(h))) + down(mlp(norm(h)))`.
    package var isParallel = false

    /// What embeddings are multiplied with.
    package var embeddingScale: Float = 1

    /// What scores are multiplied with; nil for `1 / sqrt(headDim)`.
    package var scoreScale: Float?

    /// `cap * tanh(x / cap)` of scores, and of logits.
    package var scoreCap: Float?
    package var logitCap: Float?

    /// By layer; empty where all of them attend to everything before with the model's rotary base.
    package var layers: [Attention] = []

    package init() {}
}
