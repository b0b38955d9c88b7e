import Foundation

/// Which files of a repository or folder are pulled.
package struct FileSelection: Sendable {
    package enum Purpose: Sendable {
        case adapter
        case model
    }

    package var purpose: Purpose
    /// Shell patterns of paths (`*` matches `/` too). When there are any, they alone say what is wanted.
    package var include: [String] = []
    /// Shell patterns of paths that are not wanted.
    package var exclude: [String] = []

    package init(_ purpose: Purpose) { self.purpose = purpose }

    static let indexName = "model.safetensors.index.json"
    private static let modelFiles: Set<String> = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "chat_template.jinja", "chat_template.json", "README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE",
    ]
    private static let adapterEndings = [".safetensors", ".json", ".jinja", ".md", ".txt", ".gguf", ".resa"]

    /// What to fetch of what there is. With `index` among the result, the shards that it lists are still to be added.
    /// - Throws: `.nothingToPull` with what there is instead.
    func choose(from names: [String], source: String) throws(PullError) -> [String] {
        var names = names.filter { name in !exclude.contains { Self.matches(name, $0) } }
        if !include.isEmpty {
            names = names.filter { name in include.contains { Self.matches(name, $0) } }
            guard !names.isEmpty else { throw .nothingToPull(source: source, reason: "no file matches \(include.joined(separator: ", "))") }
            return names
        }
        // One file, asked for by its own name.
        if names.count == 1 { return names }
        return switch purpose {
        case .adapter: try adapterFiles(names, source)
        case .model: try modelFiles(names, source)
        }
    }

    private func adapterFiles(_ names: [String], _ source: String) throws(PullError) -> [String] {
        // What training left in folders beside a LoRA (checkpoints) is no part of it.
        let isLoRA = names.contains("adapter_config.json")
        let chosen = names.filter { name in
            Self.isPlain(name) && (Self.adapterEndings.contains { name.hasSuffix($0) } || Self.modelFiles.contains(name))
                && !(isLoRA && name.contains("/"))
        }
        guard chosen.contains(where: { name in [".safetensors", ".gguf", ".resa"].contains { name.hasSuffix($0) } }) else {
            throw .nothingToPull(source: source, reason: "there is no .safetensors, .gguf or .resa file; \(Self.list(names))")
        }
        return chosen
    }

    private func modelFiles(_ names: [String], _ source: String) throws(PullError) -> [String] {
        let plain = names.filter(Self.modelFiles.contains)
        for weights in [Self.indexName, "model.safetensors"] where names.contains(weights) { return plain + [weights] }
        let packed = names.filter { $0.hasSuffix(".gguf") }
        if packed.count == 1 { return packed + plain.filter { $0.hasPrefix("README") || $0.hasPrefix("LICENSE") } }
        guard packed.isEmpty else {
            throw .nothingToPull(source: source, reason: "it holds several .gguf files, name one as SUBPATH: \(Self.list(packed))")
        }
        throw .nothingToPull(
            source: source, reason: "there is neither \(Self.indexName) nor model.safetensors nor a .gguf file; \(Self.list(names))")
    }

    /// Neither hidden nor in a hidden folder.
    private static func isPlain(_ name: String) -> Bool { !name.hasPrefix(".") && !name.contains("/.") }

    private static func matches(_ name: String, _ pattern: String) -> Bool { fnmatch(pattern, name, 0) == 0 }

    private static func list(_ names: [String]) -> String {
        if names.isEmpty { return "it holds nothing" }
        return "it holds \(names.prefix(12).joined(separator: ", "))\(names.count > 12 ? " and \(names.count - 12) more" : "")"
    }
}
