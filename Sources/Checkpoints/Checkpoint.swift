import Foundation

// Checkpoints: safetensors and GGUF, configuration files, element types and quantised blocks.
// It knows nothing about architectures, tokenisers or templates: it hands out tensors, key-values and texts.
// Everything read here is untrusted: every count, size and offset is checked before memory is touched or taken.

/// A model on disk, in either of the two layouts.
package enum Checkpoint: Sendable {
    case huggingFace(HuggingFaceFolder)
    case gguf(GGUFFile)

    /// Opens a Hugging Face folder or a `.gguf` file. Headers are read and validated, weights are not read.
    /// - Throws: `CheckpointError`.
    package static func open(path: String) throws(CheckpointError) -> Checkpoint {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .cannotRead(file: path, reason: "there is no such file or folder; a model is a folder with config.json or a .gguf file")
        }
        guard isFolder.boolValue else { return .gguf(try GGUFFile(path: path)) }
        let url = URL(fileURLWithPath: path, isDirectory: true)
        guard FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path) else {
            let files = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0.hasSuffix(".gguf") }
            let hint = files.min().map { "; it holds \($0): give that file as the model" } ?? ""
            throw .cannotRead(file: path, reason: "the folder has no config.json\(hint)")
        }
        return .huggingFace(try HuggingFaceFolder(url: url))
    }

    package var tensors: any TensorSource {
        switch self {
        case .huggingFace(let folder): folder.tensors
        case .gguf(let file): file
        }
    }

    /// The path it was opened from.
    package var path: String {
        switch self {
        case .huggingFace(let folder): folder.url.path
        case .gguf(let file): file.path
        }
    }
}

extension Checkpoint {
    /// The source of the model's chat template, when it has one: of several, the one named `default`.
    package var chatTemplate: String? { chatTemplates["default"] }

    /// The sources of all its chat templates by name. A GGUF file has `tokenizer.chat_template` and `tokenizer.chat_template.NAME`.
    package var chatTemplates: [String: String] {
        switch self {
        case .huggingFace(let folder): return folder.chatTemplates
        case .gguf(let file):
            let key = "tokenizer.chat_template"
            var found: [String: String] = [:]
            for (name, value) in file.metadata where name.hasPrefix(key + ".") {
                found[String(name.dropFirst(key.count + 1))] = value.stringValue
            }
            if let source = file.metadata[key]?.stringValue { found["default"] = source }
            return found
        }
    }
}
