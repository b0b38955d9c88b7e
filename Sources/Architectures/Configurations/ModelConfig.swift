import Checkpoints

/// The shape and constants of a decoder-only model, read from `config.json` or GGUF metadata and checked for sense.
package struct ModelConfig: Sendable, Equatable {
    /// Whose tensors it has.
    package var family: Architecture
    package var hiddenSize: Int
    package var layers: Int
    package var heads: Int
    /// Key-value heads; each serves `heads / kvHeads` query heads.
    package var kvHeads: Int
    /// Even; `heads * headDim` need not be `hiddenSize`.
    package var headDim: Int
    package var ffnSize: Int
    /// Rows of the embedding and of the output head; may exceed the tokeniser's vocabulary.
    package var vocabSize: Int
    /// The longest context the model was trained for, in tokens.
    package var contextLength: Int
    package var ropeTheta: Double
    package var ropeScaling: RoPEScaling?
    package var rmsEpsilon: Float
    package var qkvBias: Bool
    package var outputBias: Bool
    package var mlpBias: Bool
    /// The output head is the embedding; there is no `lm_head.weight`.
    package var tiedEmbeddings: Bool
    package var bosToken: Int32?
    /// Tokens that end an answer, without duplicates.
    package var eosTokens: [Int32]
    /// What the blocks compute.
    package var block = BlockDescription()

    /// The registry name of the architecture, for example `qwen2`.
    package var architecture: String { family.name }

    /// The configuration of a checkpoint in either layout.
    /// - Parameter architectures: those that are known.
    /// - Throws: `CheckpointError`: `.malformed` names the key, `.unsupported` names what is asked for and not implemented.
    package static func read(
        _ checkpoint: Checkpoint, among architectures: [Architecture] = Architecture.all
    ) throws(CheckpointError) -> ModelConfig {
        switch checkpoint {
        case .gguf(let file):
            return try ModelConfig(gguf: file, among: architectures)
        case .huggingFace(let folder):
            var config = try ModelConfig(
                huggingFace: folder.config, generation: folder.generationConfig, folder: folder.url.path, among: architectures)
            // transformers always writes the key; where a hand-made config leaves it out, the weights tell.
            if folder.config["tie_word_embeddings"] == nil, let head = config.family.weights.name(WeightPlace(.head)) {
                config.tiedEmbeddings = folder.tensors.info(head) == nil
            }
            return config
        }
    }

    /// Refuses sizes that no model has, before anything is multiplied or allocated by them, and drops bos and eos ids at or above the
    /// vocabulary size: no pass can take or give them (cut-down test checkpoints name such ids).
    mutating func check(file: String) throws(CheckpointError) {
        let sizes: [(name: String, value: Int, limit: Int)] = [
            ("hidden size", hiddenSize, 1 << 20), ("number of layers", layers, 1 << 12), ("number of heads", heads, 1 << 14),
            ("number of key-value heads", kvHeads, 1 << 14), ("head size", headDim, 1 << 14), ("ffn size", ffnSize, 1 << 22),
            ("vocabulary size", vocabSize, 1 << 26), ("context length", contextLength, 1 << 30),
        ]
        for (name, value, limit) in sizes where value < 1 || value > limit {
            throw .malformed(file: file, what: name, got: "\(value)", wanted: "1 to \(limit)")
        }
        guard heads % kvHeads == 0 else {
            throw .malformed(file: file, what: "number of heads", got: "\(heads)", wanted: "a multiple of the \(kvHeads) key-value heads")
        }
        guard headDim % 2 == 0 else {
            throw .malformed(file: file, what: "head size", got: "\(headDim)", wanted: "an even number, for rotary pairs")
        }
        guard rmsEpsilon.isFinite, rmsEpsilon >= 0 else {
            throw .malformed(file: file, what: "RMSNorm epsilon", got: "\(rmsEpsilon)", wanted: "a small number that is not negative")
        }
        let vocabulary = 0..<Int32(vocabSize)
        eosTokens.removeAll { !vocabulary.contains($0) }
        if let bosToken, !vocabulary.contains(bosToken) { self.bosToken = nil }
    }
}
