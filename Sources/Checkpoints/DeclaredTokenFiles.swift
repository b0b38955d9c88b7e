import Foundation
import JSONText

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
