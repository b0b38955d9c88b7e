import Checkpoints
import Foundation

/// An adapter that is one GGUF file, read and checked but not loaded; its metadata say which kind it is.
package enum GGUFAdapter: Sendable {
    case lora(LoRALayout)
    case steering(SteeringLayout)

    /// - Throws: `AdapterError`; a GGUF file of anything else (a model, say) is refused by what it is.
    package init(folder: URL, file: String, name: String, shape: ModelShape?) throws(AdapterError) {
        let path = folder.appendingPathComponent(file).path
        let gguf: GGUFFile
        do {
            gguf = try GGUFFile(path: path)
        } catch {
            throw AdapterError(error, adapter: name, file: file, path: path)
        }
        try self.init(gguf, shownAs: file, name: name, shape: shape)
    }

    /// As `init(folder:)`, over a file already opened.
    package init(_ gguf: GGUFFile, shownAs file: String, name: String, shape: ModelShape?) throws(AdapterError) {
        func text(_ key: String) -> String { gguf.metadata[key]?.stringValue ?? "" }
        let (type, architecture) = (text("general.type"), text("general.architecture"))
        if architecture == SteeringLayout.architecture {
            self = .steering(try SteeringLayout(gguf: gguf, shownAs: file, name: name, shape: shape))
            return
        }
        guard type == LoRALayout.ggufTypes.general else {
            throw .unsupported(
                adapter: name, feature: "\(file), a GGUF file of type '\(type)' and architecture '\(architecture)',",
                advice: "only LoRAs (general.type adapter) and control vectors (general.architecture controlvector) are")
        }
        guard text("adapter.type") == LoRALayout.ggufTypes.adapter else {
            throw .unsupported(adapter: name, feature: "adapter.type '\(text("adapter.type"))' in \(file)", advice: "only lora is")
        }
        self = .lora(try LoRALayout(gguf: gguf, shownAs: file, name: name, shape: shape))
    }

    package var files: [String] {
        switch self {
        case .lora(let layout): layout.files
        case .steering(let layout): layout.files
        }
    }
}
