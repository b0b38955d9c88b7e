import Foundation
import JSONText

/// Where a folder keeps its chat templates.
extension HuggingFaceFolder {
    private static let maximumTemplateBytes = 4 << 20
    private static let maximumTemplates = 64

    /// The sources of all chat templates by name, found as `transformers` finds them: `chat_template.jinja` is the one named `default`,
    /// `additional_chat_templates/NAME.jinja` the others; only where none of these files is there, `tokenizer_config.json` counts.
    /// - Throws: `CheckpointError` for a file that is no UTF-8 text, is too large, or there are too many.
    package static func chatTemplates(in url: URL, tokenizerConfig: JSON?) throws(CheckpointError) -> [String: String] {
        var found: [String: String] = [:]
        let single = url.appendingPathComponent("chat_template.jinja").path
        if FileManager.default.fileExists(atPath: single) { found["default"] = try source(single) }
        let folder = url.appendingPathComponent("additional_chat_templates").path
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".jinja") }
        guard names.count <= maximumTemplates else {
            throw .malformed(file: folder, what: "templates", got: "\(names.count)", wanted: "at most \(maximumTemplates)")
        }
        for name in names.sorted() { found[String(name.dropLast(".jinja".count))] = try source("\(folder)/\(name)") }
        guard found.isEmpty, let tokenizerConfig else { return found }
        return try chatTemplates(tokenizerConfig, file: url.appendingPathComponent("tokenizer_config.json").path)
    }

    /// The templates of a `tokenizer_config.json`: `chat_template` is a string, the one named `default`, or a list of
    /// `{name, template}`, of which the last of a name counts.
    package static func chatTemplates(_ tokenizerConfig: JSON, file: String) throws(CheckpointError) -> [String: String] {
        switch tokenizerConfig["chat_template"] {
        case nil, .null: return [:]
        case .string(let text): return ["default": text]
        case .array(let entries):
            var found: [String: String] = [:]
            for (index, entry) in entries.enumerated() {
                guard let name = entry["name"]?.string, let text = entry["template"]?.string else {
                    throw .malformed(
                        file: file, what: "chat_template[\(index)]", got: entry.kind, wanted: "an object of strings name and template")
                }
                found[name] = text
            }
            guard found.count <= maximumTemplates else {
                throw .malformed(file: file, what: "chat_template", got: "\(found.count)", wanted: "at most \(maximumTemplates)")
            }
            return found
        case .some(let other):
            throw .malformed(file: file, what: "chat_template", got: other.kind, wanted: "a string or a list of {name, template}")
        }
    }

    private static func source(_ path: String) throws(CheckpointError) -> String {
        let data = try readWholeFile(path, maximumBytes: maximumTemplateBytes)
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .malformed(file: path, what: "text", got: "bytes that are no UTF-8", wanted: "UTF-8 text")
        }
        return text
    }
}
