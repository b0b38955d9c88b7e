import Checkpoints
import JSONText

extension Architecture {
    /// Gemma (1): Llama's blocks with a tanh-GELU gate, scaled embeddings, norms stored less 1, and the embedding as head.
    package static let gemma = Architecture(
        name: "gemma", ggufName: "gemma", huggingFaceName: "GemmaForCausalLM", weights: .llama(addsOne: true)
    ).with { $0.isGemma() }

    /// What all Gemmas have in common.
    mutating func isGemma() {
        keys.tiesByDefault = true
        keys.activation = ["hidden_activation", "hidden_act"]
        keys.callsTanhGELU = "gelu"
        block.feedForward = .gated(.tanhGELU)
        readFolder = { _, config throws(JSONError) in config.scaleEmbeddings() }
        readGGUF = { _, config throws(CheckpointError) in config.scaleEmbeddings() }
    }
}

extension ModelConfig {
    /// Embeddings are multiplied by the root of their width.
    mutating func scaleEmbeddings() { block.embeddingScale = Float(hiddenSize).squareRoot() }
}
