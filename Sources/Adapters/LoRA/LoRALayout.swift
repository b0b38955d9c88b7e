import Checkpoints
import Foundation
import Synchronization
import Tensors

/// A LoRA, read and checked but not loaded: for every pair of tensors its place in the model. A PEFT folder, or a GGUF file
/// (`LoRALayout+GGUF.swift`).
///
/// The tensors in the file are the truth: each one has to be a `lora_A` or `lora_B`, or with DoRA a `lora_magnitude_vector`, of a projection
/// that the config targets and the model has, with its partners there and all of the shapes that config and model ask for. Projections that
/// the config targets but the file leaves out stay as they are.
package struct LoRALayout {
    package static let configFile = PEFTConfig.file
    package static let tensorFile = "adapter_model.safetensors"

    /// The update of one projection. Those that a base tensor holds together share the tensors `a` and `b`.
    struct Entry {
        let layer: Int
        let module: ProjectionModule
        let rank: Int
        let scale: Float
        let a: String
        let b: String
        /// DoRA's.
        var magnitude: String?
        /// Where the projection's rows lie in B and in the magnitudes, and how many rows those have; nil where nobody knows the model.
        let order: StoredRowOrder?
        let storedRows: Int?
    }

    /// Where a pair of tensors belongs.
    struct Place {
        let layer: Int
        let row: WeightTable.Row
        let inGGUF: Bool

        /// Rows of each of the projections.
        private func heights(_ shape: ModelShape) -> [Int] { row.outputs.map { shape[$0] } }

        /// Rows of B; nil where nobody knows the model.
        func outputs(_ shape: ModelShape?) -> Int? { shape.map { heights($0).reduce(0, +) } }

        /// An entry for each of the projections.
        func entries(rank: Int, scale: Float, a: String, b: String, magnitude: String? = nil, shape: ModelShape?) -> [Entry] {
            row.modules.enumerated().map { index, module in
                Entry(
                    layer: layer, module: module, rank: rank, scale: scale, a: a, b: b, magnitude: magnitude,
                    order: shape.map { row.order(index, heights($0), $0, inGGUF: inGGUF) }, storedRows: outputs(shape))
            }
        }
    }

    package let name: String
    /// What the config says it was trained on; informative only.
    package let baseModel: String?
    private let shape: ModelShape?
    private let entries: [Entry]
    private let tensors: AdapterTensorReader
    /// The files that decide what it does.
    package let files: [String]

    /// The ranks that occur, ascending.
    package var ranks: [Int] { Set(entries.map(\.rank)).sorted() }

    /// The projections that are changed in some layer.
    package var modules: [ProjectionModule] {
        let present = Set(entries.map(\.module))
        return ProjectionModule.allCases.filter(present.contains)
    }

    /// The layers in which something is changed, ascending.
    package var layers: [Int] { Set(entries.map(\.layer)).sorted() }

    init(name: String, files: [String], baseModel: String?, shape: ModelShape?, entries: [Entry], tensors: AdapterTensorReader) {
        self.name = name
        self.files = files
        self.baseModel = baseModel
        self.shape = shape
        self.entries = entries.sorted { ($0.layer, $0.module.tableIndex) < ($1.layer, $1.module.tableIndex) }
        self.tensors = tensors
    }

    /// Reads the config and the tensor file's header, and checks one against the other and both against `shape` (nil: unknown).
    package init(folder: URL, name: String, shape: ModelShape?) throws(AdapterError) {
        let config = try PEFTConfig(folder: folder, adapter: name)
        if !FileManager.default.fileExists(atPath: folder.appendingPathComponent(Self.tensorFile).path),
            FileManager.default.fileExists(atPath: folder.appendingPathComponent("adapter_model.bin").path)
        {
            throw .unsupported(
                adapter: name, feature: "adapter_model.bin (pickle)", advice: "save it with safe_serialization=True")
        }
        let tensors = try AdapterTensorReader(opening: Self.tensorFile, in: folder, adapter: name)
        let entries = try Self.entries(of: tensors.tensors, config: config, shape: shape)
        guard !entries.isEmpty else { throw .badFile(adapter: name, file: Self.tensorFile, problem: "it holds no tensors") }
        self.init(
            name: name, files: [Self.configFile, Self.tensorFile], baseModel: config.baseModel, shape: shape, entries: entries,
            tensors: tensors)
    }

    private static func entries(
        of tensors: any TensorSource, config: PEFTConfig, shape: ModelShape?
    ) throws(AdapterError) -> [Entry] {
        let matcher = try ModuleMatcher(config)
        var entries: [Entry] = []
        for tensor in tensors.tensorNames.sorted() {
            let place = try LoRATensorName(tensor, of: shape?.architecture, adapter: config.adapter, file: tensorFile)
            try shape?.requireLayer(place.layer, adapter: config.adapter)
            let base = Place(layer: place.layer, row: place.row, inGGUF: false)
            let parts = LoRATensorName.Part.allCases.filter { config.usesDoRA || $0 != .magnitude }
            guard parts.contains(place.part) else {
                throw .badFile(
                    adapter: config.adapter, file: tensorFile, problem: "'\(tensor)' is there but \(PEFTConfig.file) does not say use_dora")
            }
            if let missing = parts.map(place.partner).first(where: { tensors.info($0) == nil }) {
                throw .badFile(adapter: config.adapter, file: tensorFile, problem: "'\(tensor)' is there but '\(missing)' is not")
            }
            guard try matcher.targets(place.path, layer: place.layer) else {
                throw .badFile(
                    adapter: config.adapter, file: tensorFile,
                    problem: "'\(tensor)' is there but \(PEFTConfig.file) does not target '\(place.path)'")
            }
            let rank = try matcher.rank(place.path)
            let got = tensors.info(tensor)?.shape ?? []
            let outputs = base.outputs(shape) ?? got.first ?? 0
            let wanted =
                switch place.part {
                case .a: [rank, shape?.inputs(place.row.modules[0]) ?? got.last ?? 0]
                case .b: [outputs, rank]
                case .magnitude: [outputs]
                }
            guard got == wanted else {
                throw .shapeMismatch(adapter: config.adapter, tensor: tensor, got: got, wanted: wanted)
            }
            guard place.part == .a else { continue }
            let scale = config.scale(rank: rank, alpha: try matcher.alpha(place.path))
            guard scale.isFinite else {
                throw .badFile(
                    adapter: config.adapter, file: PEFTConfig.file, problem: "the scale of '\(place.path)' is \(scale), not finite")
            }
            entries += base.entries(
                rank: rank, scale: scale, a: tensor, b: place.partner(.b), magnitude: config.usesDoRA ? place.partner(.magnitude) : nil,
                shape: shape)
        }
        return try refuseDuplicates(entries, adapter: config.adapter)
    }

    /// Two spellings of one module would make one of them silently win.
    private static func refuseDuplicates(_ entries: [Entry], adapter: String) throws(AdapterError) -> [Entry] {
        var seen: [Int: String] = [:]
        for entry in entries {
            let index = entry.layer * ProjectionModule.count + entry.module.tableIndex
            if let other = seen.updateValue(entry.a, forKey: index) {
                throw .badFile(
                    adapter: adapter, file: tensorFile, problem: "'\(other)' and '\(entry.a)' are for the same module")
            }
        }
        return entries
    }

    /// Memory its matrices take when loaded, in bytes.
    package func residentBytes(_ format: AdapterFormat) -> Int {
        let magnitudes = entries.reduce(0) { sum, entry in
            entry.magnitude == nil ? sum : sum + DoRAMagnitudes.byteCount(outputs: shape?.outputs(entry.module) ?? 0)
        }
        return LoRAMemory.Plan(factorShapes, format: format).byteCount + magnitudes
    }

    /// The shapes of `A` and `B` of every entry, as `PackedMatrix` has them.
    private var factorShapes: [(outputs: Int, inputs: Int)] {
        guard let shape else { return [] }
        return entries.flatMap { [($0.rank, shape.inputs($0.module)), (shape.outputs($0.module), $0.rank)] }
    }

    /// Reads every tensor and packs it, several at a time, all of them into one region of memory in the order in which a step reads them.
    /// - Parameter base: the model that it is for, which DoRA needs.
    package func load(
        digest: String, format: AdapterFormat, base: (any BaseProjections)?, pool: WorkerPool
    ) throws(AdapterError) -> LoRAAdapter {
        guard let shape, base != nil || entries.allSatisfy({ $0.magnitude == nil }) else {
            throw .badFile(adapter: name, file: tensors.file, problem: "it cannot be loaded without a model")
        }
        try refuseChanged(base)
        let memory = LoRAMemory(LoRAMemory.Plan(factorShapes, format: format))
        let results = Mutex([Result<LoRAUpdate, AdapterError>?](repeating: nil, count: entries.count))
        pool.parallel(entries.count) { index in
            let result = Result { () throws(AdapterError) -> LoRAUpdate in
                try update(index, shape, memory, base, WorkerPool(threads: 1))
            }
            results.withLock { $0[index] = result }
        }
        var updates: [(layer: Int, module: ProjectionModule, update: LoRAUpdate)] = []
        for (entry, result) in zip(entries, results.withLock({ $0 })) {
            guard let result else { preconditionFailure("a pool left out a task") }
            updates.append((entry.layer, entry.module, try result.get()))
        }
        // What was read while they changed may be of either.
        try refuseChanged(base)
        return LoRAAdapter(name: name, digest: digest, layers: shape.layers, updates: updates)
    }

    private func refuseChanged(_ base: (any BaseProjections)?) throws(AdapterError) {
        guard let base, entries.contains(where: { $0.magnitude != nil }), !base.areCurrent else { return }
        throw .unsupported(
            adapter: name, feature: "DoRA on a base model whose files were changed after it was loaded", advice: "start the server anew")
    }

    private func update(
        _ index: Int, _ shape: ModelShape, _ memory: LoRAMemory, _ base: (any BaseProjections)?, _ pool: WorkerPool
    ) throws(AdapterError) -> LoRAUpdate {
        let entry = entries[index]
        let magnitudes = try magnitudes(entry, shape, base, pool)
        let a = try tensors.packed(
            entry.a, outputs: entry.rank, inputs: shape.inputs(entry.module), format: memory.format(2 * index),
            storage: memory.storage(2 * index), pool: pool)
        let b = try tensors.packed(
            entry.b, outputs: shape.outputs(entry.module), inputs: entry.rank, format: memory.format(2 * index + 1),
            storage: memory.storage(2 * index + 1), order: entry.order ?? StoredRowOrder(), of: entry.storedRows,
            rowFactor: magnitudes?.factor, pool: pool)
        return LoRAUpdate(a: a, b: b, scale: entry.scale, magnitudes: magnitudes)
    }

    private func magnitudes(
        _ entry: Entry, _ shape: ModelShape, _ base: (any BaseProjections)?, _ pool: WorkerPool
    ) throws(AdapterError) -> DoRAMagnitudes? {
        guard let name = entry.magnitude, let base else { return nil }
        let (outputs, inputs) = (shape.outputs(entry.module), shape.inputs(entry.module))
        let order = entry.order ?? StoredRowOrder()
        let m = try tensors.vector(name, count: outputs, order: order, of: entry.storedRows)
        let a = AlignedBuffer<Float>(count: entry.rank * inputs)
        let b = AlignedBuffer<Float>(count: outputs * entry.rank)
        do {
            try tensors.read(entry.a, rows: 0..<entry.rank, columns: inputs, into: a.pointer)
            try tensors.read(entry.b, rows: 0..<outputs, columns: entry.rank, order: order, into: b.pointer)
            return try DoRAMagnitudes(
                m: m, a: MatrixView(pointer: a.pointer, rows: entry.rank, columns: inputs),
                b: MatrixView(pointer: b.pointer, rows: outputs, columns: entry.rank), scale: entry.scale,
                bias: try base.bias(entry.module, layer: entry.layer), pool: pool
            ) { try base.read(entry.module, layer: entry.layer, rows: $0, into: $1) }
        } catch let problem as DoRAMagnitudes.Problem {
            throw .badFile(adapter: self.name, file: tensors.file, problem: "'\(entry.a)': \(problem)")
        } catch {
            throw tensors.wrap(error)
        }
    }
}
