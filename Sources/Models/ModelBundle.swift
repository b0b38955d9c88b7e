import Checkpoints
import Foundation
import Jinja
import Tensors
import Tokenizers

/// Everything that travels with a model, opened but not yet packed: configuration, tokenizer, chat template, weights.
package final class ModelBundle: Sendable {
    /// The folder's name, or the GGUF file's without its extension.
    package let name: String
    package let path: String
    package let config: ModelConfig
    package let tokenizer: Tokenizer

    /// Nil when the model has none; a failure says why the one it has cannot be used. Chat requests are refused in both cases.
    package let chatTemplate: Result<ChatTemplate, JinjaError>?

    /// What the checkpoint's `generation_config.json` recommends; used where a request is silent.
    package let recommendedSampling: RecommendedSampling

    package let checkpoint: Checkpoint
    let weights: WeightReader

    private init(
        name: String, path: String, checkpoint: Checkpoint, config: ModelConfig, weights: WeightReader, tokenizer: Tokenizer,
        chatTemplate: Result<ChatTemplate, JinjaError>?, recommendedSampling: RecommendedSampling
    ) {
        self.name = name
        self.path = path
        self.checkpoint = checkpoint
        self.config = config
        self.weights = weights
        self.tokenizer = tokenizer
        self.chatTemplate = chatTemplate
        self.recommendedSampling = recommendedSampling
    }

    /// Opens a Hugging Face folder or a `.gguf` file and checks that every expected tensor is there with the right shape. A chat template that
    /// cannot be read does not keep the model from being served.
    ///
    /// - Throws: `CheckpointError` for unreadable or mismatched files, `TokenizerError` for the tokenizer's.
    package static func open(path: String) throws -> ModelBundle {
        let checkpoint = try Checkpoint.open(path: path)
        let config = try ModelConfig.read(checkpoint)
        let weights = try WeightReader(checkpoint: checkpoint, config: config)
        let tokenizer = try Tokenizer.open(checkpoint)
        let file = URL(fileURLWithPath: path).standardizedFileURL
        return ModelBundle(
            name: file.pathExtension == "gguf" ? file.deletingPathExtension().lastPathComponent : file.lastPathComponent,
            path: file.path, checkpoint: checkpoint, config: config, weights: weights, tokenizer: tokenizer,
            chatTemplate: chatTemplate(checkpoint, tokenizer: tokenizer),
            recommendedSampling: RecommendedSampling(checkpoint))
    }

    /// Reads and packs the weights, or takes them packed from the cache.
    ///
    /// - Parameters:
    ///   - cache: where packed weights are kept between starts; nil to keep nothing.
    ///   - progress: hears the fraction done, on the calling thread.
    package func load(
        format: WeightFormat, cache: PackedCache? = nil, pool: WorkerPool, progress: (Double) -> Void = { _ in }
    ) throws -> any LanguageModel {
        guard let architecture = Architecture.named(config.architecture) else {
            throw ModelError.unknownArchitecture(config.architecture, known: Architecture.all.map(\.name))
        }
        return try architecture.load(config, weights, format, cache, pool, progress)
    }

    /// How the weights would be packed, from headers alone.
    package func plan(_ format: WeightFormat) throws(CheckpointError) -> WeightPlan {
        try WeightPlan(config: config, weights: weights, format: format)
    }

    private static func chatTemplate(_ checkpoint: Checkpoint, tokenizer: Tokenizer) -> Result<ChatTemplate, JinjaError>? {
        guard let source = checkpoint.chatTemplate else { return nil }
        do {
            return .success(try ChatTemplate(source: source, bosToken: tokenizer.bosText, eosToken: tokenizer.eosText))
        } catch {
            return .failure(error)
        }
    }
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

/// Why a model cannot be built from its checkpoint.
package enum ModelError: Error, CustomStringConvertible {
    case unknownArchitecture(String, known: [String])

    package var description: String {
        switch self {
        case .unknownArchitecture(let name, let known):
            "architecture \(name) is not supported; supported: \(known.joined(separator: ", "))"
        }
    }
}
