import Checkpoints
import Models

extension ModelConfig {
    /// Refuses what the server computes and `FrozenLayer` has no backward pass for, by its name.
    /// - Throws: `CheckpointError.unsupported`.
    func refuseUntrained(file: String) throws(CheckpointError) {
        guard let part = untrainedPart else { return }
        throw .unsupported(
            file: file, what: "training on a model with \(part) (\(architecture))",
            advice: "it is not computed yet; such a model can be served, and read as it is served")
    }

    /// What a model has that a frozen decoder does not compute; nil for none.
    package var untrainedPart: String? {
        let weights = family.weights
        let parts: [(String, Bool)] = [
            ("LayerNorms", block.norm != .rootMeanSquare),
            (block.feedForward.name, block.feedForward != .gated(.silu)),
            ("learned positions", block.positions == .learned),
            ("partly rotated heads", block.positions != .rotary(fraction: 1) && block.positions != .learned),
            ("attention beside the MLP", block.isParallel),
            ("scaled embeddings", block.embeddingScale != 1),
            ("soft caps", block.scoreCap != nil || block.logitCap != nil),
            ("a scale of scores of its own", block.scoreScale != nil),
            ("sliding windows", block.layers.contains { $0.window != nil }),
            ("rotary bases by layer", block.layers.contains { $0.ropeTheta != nil }),
            ("norms behind attention and MLP", weights.holds(.attentionOutputNorm) || weights.holds(.feedForwardOutputNorm)),
            ("no norms before attention and MLP", !weights.holds(.attentionNorm) || !weights.holds(.feedForwardNorm)),
            ("a bias of the head", weights.row(.head).map { $0.bias != .never } ?? false),
        ]
        return parts.first { $0.1 }?.0
    }
}

extension BlockDescription.FeedForward {
    /// For people.
    fileprivate var name: String {
        switch self {
        case .gated(let activation): "\(activation.rawValue) gates"
        case .plain(let activation): "ungated \(activation.rawValue) MLPs"
        }
    }
}
