import Foundation
import JSONText

/// A model folder in the layout of the Hugging Face hub: configuration, weights and, where present, tokeniser and chat template.
package struct HuggingFaceFolder: Sendable {
    package let url: URL
    /// `config.json`.
    package let config: JSON
    /// `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    package let tensors: any TensorSource
    /// The path of `tokenizer.json`; nil when there is none.
    package let tokenizerJSON: String?
    /// `tokenizer_config.json`.
    package let tokenizerConfig: JSON?
    /// The files that declare tokens beside `tokenizer.json`.
    package let declaredTokens: DeclaredTokenFiles
    /// The sources of the chat templates by name.
    package let chatTemplates: [String: String]
    /// `generation_config.json`.
    package let generationConfig: JSON?

    static let maximumConfigBytes = 64 << 20

    /// - Throws: `CheckpointError` when `config.json` or the weights are missing or malformed, or an optional file is malformed.
    package init(url: URL) throws(CheckpointError) {
        self.url = url
        config = try JSON(file: HuggingFaceFolder.path(url, "config.json"), rules: HuggingFaceFolder.rules)
        tokenizerConfig = try HuggingFaceFolder.optionalJSON(url, "tokenizer_config.json")
        generationConfig = try HuggingFaceFolder.optionalJSON(url, "generation_config.json")
        tokenizerJSON = HuggingFaceFolder.existing(url, "tokenizer.json")
        chatTemplates = try HuggingFaceFolder.chatTemplates(in: url, tokenizerConfig: tokenizerConfig)
        declaredTokens = try HuggingFaceFolder.declaredTokens(in: url, tokenizerConfig: tokenizerConfig)
        tensors = try HuggingFaceFolder.openTensors(url)
    }

    private static func openTensors(_ url: URL) throws(CheckpointError) -> any TensorSource {
        if let index = existing(url, "model.safetensors.index.json") { return try ShardedSafetensors(index: index) }
        if let single = existing(url, "model.safetensors") { return try SafetensorsFile(path: single) }
        if existing(url, "pytorch_model.bin") != nil || existing(url, "pytorch_model.bin.index.json") != nil {
            throw .unsupported(file: url.path, what: "pickled PyTorch weights (pytorch_model.bin)", advice: "save the model as safetensors")
        }
        throw .cannotRead(file: url.path, reason: "it holds neither model.safetensors nor model.safetensors.index.json")
    }

    static let rules = JSON.Rules(maximumBytes: maximumConfigBytes)

    private static func path(_ url: URL, _ name: String) -> String { url.appendingPathComponent(name).path }

    private static func existing(_ url: URL, _ name: String) -> String? {
        let path = path(url, name)
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    static func optionalJSON(_ url: URL, _ name: String) throws(CheckpointError) -> JSON? {
        guard let path = existing(url, name) else { return nil }
        return try JSON(file: path, rules: rules)
    }
}

/// What declares tokens of a folder beside its `tokenizer.json`, as `transformers` reads it.
package struct DeclaredTokenFiles: Sendable {
    /// `tokenizer_config.json`.
    package var config: JSON?
    /// `special_tokens_map.json` and `added_tokens.json`, which count only where the configuration has no `added_tokens_decoder`.
    package var specialTokensMap: JSON?
    package var addedTokens: JSON?

    package init(config: JSON? = nil, specialTokensMap: JSON? = nil, addedTokens: JSON? = nil) {
        (self.config, self.specialTokensMap, self.addedTokens) = (config, specialTokensMap, addedTokens)
    }
}

extension HuggingFaceFolder {
    /// - Throws: `CheckpointError` when a file that counts is malformed.
    package static func declaredTokens(in url: URL, tokenizerConfig: JSON?) throws(CheckpointError) -> DeclaredTokenFiles {
        guard tokenizerConfig?["added_tokens_decoder"]?.object == nil else { return DeclaredTokenFiles(config: tokenizerConfig) }
        return DeclaredTokenFiles(
            config: tokenizerConfig, specialTokensMap: try optionalJSON(url, "special_tokens_map.json"),
            addedTokens: try optionalJSON(url, "added_tokens.json"))
    }
}
