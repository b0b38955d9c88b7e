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

extension GGUFFile {
    /// Refuses a key of an adapter that is set and not known: nobody can say that it changes nothing.
    /// - Parameter prefix: of the keys that speak of what the adapter computes.
    func refuseUnknown(_ prefix: String, but known: Set<String>, adapter: String, shownAs: String) throws(AdapterError) {
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where key.hasPrefix(prefix) && !known.contains(key) && !value.isUnused
        {
            throw .unsupported(
                adapter: adapter, feature: "'\(key)' (here \(value.kind)) in \(shownAs), of which nothing is known,",
                advice: "leave it out when the file is made, if it changes nothing of what the adapter computes")
        }
    }
}

extension GGUFValue {
    /// Whether it says "not used": false, 0, an empty text or list.
    var isUnused: Bool {
        switch self {
        case .int(let value): value == 0
        case .uint: false
        case .double(let value): value == 0
        case .bool(let value): !value
        case .string(let value): value.isEmpty
        case .ints(let values): values.isEmpty
        case .doubles(let values): values.isEmpty
        case .bools(let values): values.isEmpty
        case .strings(let values): values.isEmpty
        case .arrays(let values): values.isEmpty
        }
    }
}
