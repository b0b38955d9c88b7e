import Checkpoints
import Foundation
import Jinja
import Synchronization
import Tensors
import Tokenizers

/// Everything that travels with a model: configuration, weights, tokenizer, chat template.
package final class ModelBundle: Sendable {
    package let weights: ModelWeights
    package let tokenizer: Tokenizer

    /// Nil when the model has none.
    package let chatTemplates: ChatTemplates?

    /// The one for conversations without tools; nil when the model has none. A failure says why what it has cannot be used.
    package var chatTemplate: Result<ChatTemplate, ChatTemplateError>? {
        chatTemplates.map { templates in Result { () throws(ChatTemplateError) in try templates.choose() } }
    }

    /// What the checkpoint's `generation_config.json` recommends; used where a request is silent.
    package let recommendedSampling: RecommendedSampling

    package var name: String { weights.name }
    package var path: String { weights.path }
    package var config: ModelConfig { weights.config }
    package var checkpoint: Checkpoint { weights.checkpoint }

    private init(weights: ModelWeights, tokenizer: Tokenizer) {
        self.weights = weights
        self.tokenizer = tokenizer
        chatTemplates = ChatTemplates(
            sources: weights.checkpoint.chatTemplates, bosToken: tokenizer.bosText, eosToken: tokenizer.eosText)
        recommendedSampling = RecommendedSampling(weights.checkpoint)
    }

    /// Opens a Hugging Face folder or a `.gguf` file and checks that every expected tensor is there with the right shape. A chat template that
    /// cannot be read does not keep the model from being served.
    ///
    /// - Throws: `CheckpointError` for unreadable or mismatched files, `TokenizerError` for the tokenizer's.
    package static func open(path: String) throws -> ModelBundle {
        let weights = try ModelWeights(path: path)
        return ModelBundle(weights: weights, tokenizer: try Tokenizer.open(weights.checkpoint))
    }

    /// The same, while `load`, say of the weights, runs on the calling thread: another reads the tokenizer.
    ///
    /// - Throws: what `open(path:)` and `load` throw.
    package static func open<Loaded>(
        path: String, load: (ModelWeights) throws -> Loaded
    ) throws -> (bundle: ModelBundle, loaded: Loaded) {
        let weights = try ModelWeights(path: path)
        let opened = Opened()
        let reading = DispatchGroup()
        DispatchQueue.global(qos: .userInitiated).async(group: reading) {
            let result = Result { try Tokenizer.open(weights.checkpoint) }
            opened.result.withLock { $0 = result }
        }
        defer { reading.wait() }
        let loaded = try load(weights)
        reading.wait()
        return (ModelBundle(weights: weights, tokenizer: try opened.result.withLock { $0 }!.get()), loaded)
    }

    /// Reads and packs the weights, or takes them packed from the cache: see `ModelWeights.load`.
    package func load(
        format: WeightFormat, cache: PackedCache? = nil, pool: WorkerPool, progress: (Double) -> Void = { _ in }
    ) throws -> any LanguageModel {
        try weights.load(format: format, cache: cache, pool: pool, progress: progress)
    }

}

/// What the thread that reads the tokenizer leaves behind.
private final class Opened: Sendable {
    let result = Mutex<Result<Tokenizer, any Error>?>(nil)
}

/// Sampling values a checkpoint recommends; nil where it says nothing.
package struct RecommendedSampling: Sendable, Equatable {
    package var temperature: Float?
    package var topP: Float?
    package var topK: Int?
    package var repetitionPenalty: Float?

    init(_ checkpoint: Checkpoint) {
        guard case .huggingFace(let folder) = checkpoint, let generation = folder.generationConfig else { return }
        temperature = generation["temperature"]?.double.map { Float($0) }
        topP = generation["top_p"]?.double.map { Float($0) }
        topK = generation["top_k"]?.int
        repetitionPenalty = generation["repetition_penalty"]?.double.map { Float($0) }
    }
}
