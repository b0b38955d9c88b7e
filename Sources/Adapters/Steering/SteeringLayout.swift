import Checkpoints
import Foundation
import Tensors

/// A folder of steering vectors, read and checked but not loaded.
///
/// * llama.cpp control vector: one GGUF file of `general.architecture = controlvector` whose tensors `direction.N` `[d]` are added to the
///   residual stream after block N, from 1 on.
/// * `steering.json` and `vector.safetensors`: `{"hookpoint": "layers.12"}` for the tensor `vector`, or
///   `{"vectors": {"layers.12": "NAME", ...}}`; `"scale"` multiplies them all.
package struct SteeringLayout {
    package static let configFile = "steering.json"
    package static let tensorFile = "vector.safetensors"
    /// What `general.architecture` of a control vector says.
    package static let architecture = "controlvector"

    package let name: String
    /// The files that decide what it does.
    package let files: [String]
    private let tensorNames: [HookPoint: String]
    private let tensors: AdapterTensorReader
    private let scale: Float
    private let width: Int

    /// In the order of the forward pass.
    package var hookpoints: [HookPoint] { tensorNames.keys.sorted() }
    /// Memory its vectors take when loaded, in bytes.
    package var residentBytes: Int { tensorNames.count * width * MemoryLayout<Float>.stride }

    /// Reads `steering.json` and the header of its tensors, and checks them against `shape` (nil: unknown).
    package init(folder: URL, name: String, shape: ModelShape?) throws(AdapterError) {
        let config = try ConfigReader(folder: folder, file: Self.configFile, adapter: name)
        let tensors = try AdapterTensorReader(opening: Self.tensorFile, in: folder, adapter: name)
        try self.init(
            name: name, files: [Self.configFile, Self.tensorFile], tensorNames: try Self.places(config), tensors: tensors,
            scale: try Self.scale(config), shape: shape)
    }

    /// Reads the header of a control vector.
    package init(gguf file: GGUFFile, shownAs: String, name: String, shape: ModelShape?) throws(AdapterError) {
        try file.refuseUnknown(
            Self.architecture + ".", but: ["\(Self.architecture).model_hint", "\(Self.architecture).layer_count"], adapter: name,
            shownAs: shownAs)
        var places: [HookPoint: String] = [:]
        for tensor in file.tensorNames {
            let prefix = "direction."
            guard tensor.hasPrefix(prefix), let block = HookPoint("layers." + tensor.dropFirst(prefix.count)), block.layer > 0,
                block.site == .residual, places.updateValue(tensor, forKey: block) == nil
            else {
                throw .badFile(
                    adapter: name, file: shownAs, problem: "tensor '\(tensor)' is none of a control vector's: direction.1, direction.2, ..."
                )
            }
        }
        let tensors = AdapterTensorReader(adapter: name, file: shownAs, tensors: file)
        try self.init(name: name, files: [shownAs], tensorNames: places, tensors: tensors, scale: 1, shape: shape)
    }

    private init(
        name: String, files: [String], tensorNames: [HookPoint: String], tensors: AdapterTensorReader, scale: Float, shape: ModelShape?
    ) throws(AdapterError) {
        self.name = name
        self.files = files
        self.tensorNames = tensorNames
        self.tensors = tensors
        self.scale = scale
        guard let first = tensorNames.min(by: { $0.key < $1.key })?.value else {
            throw .badFile(adapter: name, file: tensors.file, problem: "it holds no vector")
        }
        width = if let shape { shape.hiddenSize } else { try tensors.shape(first).last ?? 0 }
        for (hookpoint, tensor) in tensorNames.sorted(by: { $0.key < $1.key }) {
            try shape?.requireLayer(hookpoint.layer, adapter: name)
            try tensors.require(tensor, shape: [width])
        }
        let used = Set(tensorNames.values)
        for tensor in tensors.tensors.tensorNames where !used.contains(tensor) {
            throw .badFile(adapter: name, file: tensors.file, problem: "tensor '\(tensor)' is there but \(files[0]) does not name it")
        }
    }

    /// Reads every vector.
    package func load(digest: String) throws(AdapterError) -> SteeringVectors {
        let hookpoints = hookpoints
        let directions = AlignedBuffer<Float>(count: hookpoints.count * width)
        for (index, hookpoint) in hookpoints.enumerated() {
            guard let tensor = tensorNames[hookpoint] else { continue }
            let values = try tensors.vector(tensor, count: width)
            for column in 0..<width { directions.pointer[index * width + column] = scale * values.pointer[column] }
            try tensors.refuseNonFinite(tensor, directions.pointer + index * width, count: width) { "column \($0), once scaled" }
        }
        return SteeringVectors(name: name, digest: digest, hookpoints: hookpoints, width: width, directions: directions)
    }

    private static let knownKeys: Set = ["hookpoint", "vectors", "scale", "description", "base_model"]

    private static func places(_ config: ConfigReader) throws(AdapterError) -> [HookPoint: String] {
        if let stranger = config.fields.members.keys.sorted().first(where: { !knownKeys.contains($0) }) {
            throw .badFile(
                adapter: config.adapter, file: config.file,
                problem: "'\(stranger)' is no key of it; they are \(knownKeys.sorted().joined(separator: ", "))")
        }
        var names: [(hookpoint: String, tensor: String)] = []
        if let hookpoint = try config.fields.string("hookpoint") { names.append((hookpoint, "vector")) }
        if let vectors = try config.section("vectors") {
            for hookpoint in vectors.fields.members.keys.sorted() {
                guard let tensor = try vectors.fields.string(hookpoint) else {
                    throw vectors.fields.wrong(hookpoint, .null, "the name of a tensor")
                }
                names.append((hookpoint, tensor))
            }
        }
        guard !names.isEmpty else {
            throw .badFile(adapter: config.adapter, file: config.file, problem: "neither 'hookpoint' nor 'vectors' says where to add")
        }
        var places: [HookPoint: String] = [:]
        for (text, tensor) in names {
            guard let hookpoint = HookPoint(text) else {
                throw .badFile(
                    adapter: config.adapter, file: config.file,
                    problem: "'\(text)' is no hookpoint, wanted one such as layers.12 or layers.12.mlp")
            }
            guard places.updateValue(tensor, forKey: hookpoint) == nil else {
                throw .badFile(adapter: config.adapter, file: config.file, problem: "hookpoint \(hookpoint) is there twice")
            }
        }
        return places
    }

    private static func scale(_ config: ConfigReader) throws(AdapterError) -> Float {
        let scale = Float(try config.fields.number("scale", as: Double.self) ?? 1)
        guard scale.isFinite else { throw .badFile(adapter: config.adapter, file: config.file, problem: "'scale' is \(scale), not finite") }
        return scale
    }
}
