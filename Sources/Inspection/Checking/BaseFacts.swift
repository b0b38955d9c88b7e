import Checkpoints
import Foundation
import JSONText
import Jinja
import Models
import Tokenizers

/// What a model's files say of how text becomes tokens, positions and prompts, without its weights. Of a Hugging Face folder only some files
/// may be there: the Hub's cache often holds a tokenizer alone, and so do adapters' own folders.
package struct BaseFacts: Sendable {
    package let path: String
    package var config: ModelConfig?
    package var tokenizer: Tokenizer?
    package var template: String?
    /// What is there but cannot be read.
    package var problems: [String] = []

    package init(_ bundle: ModelBundle) {
        path = bundle.path
        config = bundle.config
        tokenizer = bundle.tokenizer
        template = bundle.checkpoint.chatTemplate
    }

    /// - Parameter path: a folder, or a `.gguf` file.
    package init(path: String) {
        self.path = path
        if path.hasSuffix(".gguf") {
            guard let checkpoint = attempt({ try Checkpoint.open(path: path) }) else { return }
            config = attempt { try ModelConfig.read(checkpoint) }
            tokenizer = attempt { try Tokenizer.open(checkpoint) }
            template = checkpoint.chatTemplate
            return
        }
        func place(_ name: String) -> String? {
            let place = "\(path)/\(name)"
            return FileManager.default.fileExists(atPath: place) ? place : nil
        }
        if let file = place("config.json") {
            config = attempt { try ModelConfig(huggingFace: JSON(file: file), generation: nil, folder: path) }
        }
        let names = place("tokenizer_config.json")
        let tokenizerConfig = names.flatMap { file in attempt { try JSON(file: file) } }
        let folder = URL(fileURLWithPath: path, isDirectory: true)
        if let file = place("tokenizer.json") {
            tokenizer = attempt {
                try Tokenizer(
                    tokenizerJSON: Data(contentsOf: URL(fileURLWithPath: file)),
                    declared: HuggingFaceFolder.declaredTokens(in: folder, tokenizerConfig: tokenizerConfig))
            }
        }
        template = attempt { try HuggingFaceFolder.chatTemplates(in: folder, tokenizerConfig: tokenizerConfig)["default"] } ?? nil
    }

    /// Nothing that could be compared was found.
    package var isEmpty: Bool { config == nil && tokenizer == nil && template == nil }

    private mutating func attempt<T>(_ body: () throws -> T) -> T? {
        do { return try body() } catch {
            problems.append("\(error)")
            return nil
        }
    }
}
