import Architectures
import Checkpoints

extension ModelConfig {
    /// Refuses what a block may hold and `Decoder` does not compute, by its name.
    /// - Throws: `CheckpointError.unsupported`.
    package func refuseUncomputed(file: String) throws(CheckpointError) {
        if let part = uncomputed { throw .unsupported(file: file, what: "a model with \(part)", advice: "they are not computed yet") }
    }

    private var uncomputed: String? {
        let parts: [(String, Bool)] = [
            ("LayerNorms", block.norm != .rootMeanSquare),
            (block.feedForward.name, block.feedForward != .gated(.silu)),
            ("learned positions", block.positions == .learned || family.weights.holds(.positions)),
            ("partly rotated heads", block.positions != .rotary(fraction: 1) && block.positions != .learned),
            ("attention beside the MLP", block.isParallel),
            ("scaled embeddings", block.embeddingScale != 1),
            ("soft caps", block.scoreCap != nil || block.logitCap != nil),
            ("sliding windows", block.layers.contains { $0.window != nil }),
            ("rotary bases by layer", block.layers.contains { $0.ropeTheta != nil }),
            ("norms behind attention or MLP", family.weights.holds(.attentionOutputNorm) || family.weights.holds(.feedForwardOutputNorm)),
            ("no norms before attention and MLP", !family.weights.holds(.attentionNorm) || !family.weights.holds(.feedForwardNorm)),
            ("norms over all heads at once", family.weights.row(.queryNorm).map { $0.outputs != [.head] } ?? false),
            ("biases of the head", family.weights.row(.head).map { $0.bias != .never } ?? false),
        ]
        return parts.first { $0.1 }?.0
    }
}

extension BlockDescription.FeedForward {
    /// For people.
    package var name: String {
        switch self {
        case .gated(let activation): "\(activation.rawValue) gates"
        case .plain(let activation): "ungated \(activation.rawValue) MLPs"
        }
    }
}
