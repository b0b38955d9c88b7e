import Adapters
import Architectures
import Checkpoints
import Tensors

/// Reads a model's weights by what they are for, whatever the checkpoint's layout.
///
/// Names are those of the architecture's table. What is stored otherwise than it is computed with is undone here: rows of heads that GGUF
/// interleaves, several weights in one tensor, matrices stored the other way round, norms stored less 1.
package struct WeightReader: Sendable {
    private struct Entry {
        /// The tensor that holds it.
        var stored: String
        /// Its own.
        var shape: [Int]
        var order: StoredRowOrder
        /// Stored as `[inputs, outputs]`, so that the order is that of its columns.
        var isTransposed: Bool
        var addsOne: Bool

        var rowLength: Int { shape.count > 1 ? shape[1] : 1 }
    }

    private let tensors: any TensorSource
    private let entries: [WeightPlace: Entry]
    /// What the model has, and what its weights are called.
    private let table: WeightTable

    /// Checks that every tensor the configuration calls for is there, readable, and of the right shape.
    /// - Throws: `CheckpointError.missingTensor`, `.wrongShape`, `.unsupportedType`, or `.unsupported` for layer tensors that the
    ///   architecture would silently ignore.
    package init(checkpoint: Checkpoint, config: ModelConfig) throws(CheckpointError) {
        let (tensors, table) = (checkpoint.tensors, config.family.weights)
        (self.tensors, self.table) = (tensors, table)
        let isGGUF = if case .gguf = checkpoint { true } else { false }
        let all = table.tensors(config, inGGUF: isGGUF)
        var spelling: String?
        if !isGGUF, let first = all.first(where: { $0.name.hasPrefix(table.root) })?.name, tensors.info(first) == nil {
            spelling = table.rootSpellings.first { tensors.info(table.spelled(first, root: $0)) != nil }
        }
        var entries: [WeightPlace: Entry] = [:]
        var known: Set<String> = []
        for tensor in all {
            let stored = table.spelled(tensor.name, root: spelling)
            guard let info = tensors.info(stored) else { throw tensors.missing(stored) }
            guard info.shape == tensor.shape else {
                throw .wrongShape(file: tensors.path, tensor: stored, got: info.shape, wanted: tensor.shape)
            }
            guard info.type.isExpandable, !tensor.isTransposed || info.type.block.elements == 1 else {
                throw .unsupportedType(
                    file: tensors.path, tensor: stored, got: info.type.rawValue, wanted: ElementType.expandableNames)
            }
            known.insert(stored)
            for part in tensor.parts {
                entries[part.place] = Entry(
                    stored: stored,
                    shape: tensor.shape.count == 1 ? [part.rows] : [part.rows, tensor.isTransposed ? tensor.shape[0] : tensor.shape[1]],
                    order: part.order, isTransposed: tensor.isTransposed, addsOne: tensor.addsOne)
            }
        }
        self.entries = entries
        let prefix = isGGUF ? WeightTable.ggufBlockPrefix : table.spelled(table.blockPrefix, root: spelling)
        try refuseUnknown(known, prefix: prefix, layers: config.layers)
    }

    /// A tensor of a used layer that nothing reads (a norm on Q, a bias the configuration denies) means other arithmetic.
    private func refuseUnknown(_ known: Set<String>, prefix: String, layers: Int) throws(CheckpointError) {
        for name in tensors.tensorNames where name.hasPrefix(prefix) && !known.contains(name) {
            guard let layer = Int(name.dropFirst(prefix.count).prefix { $0 != "." }), layer < layers else { continue }
            if let info = tensors.info(name), info.isBuffer { continue }
            throw .unsupported(
                file: tensors.path, what: "tensor \(name), which this architecture does not use,",
                advice: "check the configuration (architecture, attention_bias, mlp_bias) against the weights")
        }
    }

    /// The shape of the weight, or nil when the model has none there (for example the head of a tied model, a bias).
    package func shape(_ place: WeightPlace) -> [Int]? { entries[place]?.shape }

    /// How its elements are stored.
    /// - Throws: `CheckpointError.missingTensor` for what the model does not have.
    package func storedType(_ place: WeightPlace) throws(CheckpointError) -> ElementExpansion {
        // What cannot be expanded was refused by init.
        guard let entry = entries[place], let type = tensors.info(entry.stored)?.type.kernel else { throw missing(place) }
        return type
    }

    /// What names the weight for as long as its bytes are kept: the tensor that a folder has it in, and where in it.
    package func label(_ place: WeightPlace) -> String {
        guard let entry = entries[place], let name = table.name(place), let row = table.row(place.role) else { return "\(place)" }
        return row.roles.count == 1 ? name : "\(name) (\(place.role), \(entry.order))"
    }

    /// The files that hold the weights.
    package var files: [OpenFile] { tensors.files }

    /// Throws when somebody has written to the files since they were opened.
    package func refuseChanged() throws(CheckpointError) { try tensors.refuseChanged() }

    /// The file or folder, for error messages.
    package var path: String { tensors.path }

    /// How many bytes `stored` writes for a row.
    package func storedRowBytes(_ place: WeightPlace) -> Int {
        guard let entry = entries[place], let info = tensors.info(entry.stored) else { return 0 }
        if entry.isTransposed { return entry.rowLength * info.type.block.bytes }
        return info.byteRange.count / max(info.rows, 1)
    }

    /// Writes rows `rows` to `destination` as they are stored. May be called from several threads at once.
    /// - Throws: as `read`.
    package func stored(_ place: WeightPlace, rows: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError) {
        guard let entry = entries[place] else { throw missing(place) }
        let rowBytes = storedRowBytes(place)
        if entry.isTransposed {
            try transposed(entry, rows: rows, into: destination)
        } else {
            try forEachRun(entry, rows) { (run, stored) throws(CheckpointError) in
                try tensors.stored(entry.stored, rows: stored, into: destination + run * rowBytes)
            }
        }
        guard let type = tensors.info(entry.stored)?.type.kernel else { return }
        for (index, row) in rows.enumerated()
        where !ElementExpansion.areFinite(type, destination + index * rowBytes, count: rowBytes / type.blockBytes * type.blockElements) {
            throw notFinite(entry, rows: row..<row + 1)
        }
    }

    /// Writes rows `rows` of the weight, as f32, `shape[1]` numbers each (one for a vector), into `destination`.
    /// May be called from several threads at once.
    /// - Throws: `CheckpointError.missingTensor` for what the model does not have, `.malformed` for rows outside the weight and for numbers that
    ///   are not finite, `.cannotRead`.
    package func read(_ place: WeightPlace, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws(CheckpointError) {
        guard let entry = entries[place] else { throw missing(place) }
        let rowLength = entry.rowLength
        if entry.isTransposed {
            try expandTransposed(entry, rows: rows, into: destination)
        } else {
            try forEachRun(entry, rows) { (run, stored) throws(CheckpointError) in
                try tensors.expand(entry.stored, rows: stored, into: destination + run * rowLength)
            }
        }
        try refuseNonFinite(destination, entry, rows: rows, rowLength: rowLength)
        if entry.addsOne { for index in 0..<rows.count * rowLength { destination[index] += 1 } }
    }

    /// Runs `body` for the rows of `rows` that lie together, with where the first of them is in `rows`.
    private func forEachRun(
        _ entry: Entry, _ rows: Range<Int>, _ body: (_ first: Int, _ stored: Range<Int>) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        guard rows.lowerBound >= 0, rows.upperBound <= entry.shape[0] else {
            throw .malformed(
                file: tensors.path, what: "tensor \(entry.stored)", got: "a request for rows \(rows)",
                wanted: "rows in 0..<\(entry.shape[0])")
        }
        if entry.order.isContiguous { return try body(0, rows.lowerBound + entry.order.first..<rows.upperBound + entry.order.first) }
        for (index, row) in rows.enumerated() {
            let stored = entry.order.stored(row)
            try body(index, stored..<stored + 1)
        }
    }

    /// One weight that is no number turns every answer into noise.
    private func refuseNonFinite(
        _ values: UnsafePointer<Float>, _ entry: Entry, rows: Range<Int>, rowLength: Int
    ) throws(CheckpointError) {
        if RowOperations.largestMagnitude(values, count: rows.count * rowLength).isFinite { return }
        let bad = (0..<rows.count * rowLength).first { !values[$0].isFinite } ?? 0
        let row = rows.lowerBound + bad / max(rowLength, 1)
        throw notFinite(entry, rows: row..<row + 1)
    }

    private func notFinite(_ entry: Entry, rows: Range<Int>) -> CheckpointError {
        .malformed(
            file: tensors.path, what: "tensor \(entry.stored)", got: "an infinity or NaN in row \(rows.lowerBound)",
            wanted: "finite numbers")
    }

    /// A whole vector (norm weight or bias).
    package func vector(_ place: WeightPlace) throws(CheckpointError) -> [Float] {
        guard let entry = entries[place] else { throw missing(place) }
        var values = [Float](repeating: 0, count: entry.shape.reduce(1, *))
        let rows = entry.shape[0]
        var failure: CheckpointError?
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            do throws(CheckpointError) { try read(place, rows: 0..<rows, into: base) } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }

    private func missing(_ place: WeightPlace) -> CheckpointError {
        .missingTensor(
            file: tensors.path, tensor: table.name(place) ?? "\(place)",
            near: NearNames.find(table.name(place) ?? "", among: entries.keys.compactMap { table.name($0) }.sorted()))
    }
}

/// Matrices stored as `[inputs, outputs]`. They are read a portion of their inputs at a time.
extension WeightReader {
    private static let portionBytes = 1 << 20

    private func transposed(_ entry: Entry, rows: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError) {
        guard let info = tensors.info(entry.stored), info.rows == entry.rowLength else { return }
        let size = info.type.block.bytes
        let (inputs, outputs) = (info.rows, info.rowLength)
        let step = max(1, min(inputs, Self.portionBytes / (outputs * size)))
        let portion = UnsafeMutableRawBufferPointer.allocate(byteCount: step * outputs * size, alignment: 64)
        defer { portion.deallocate() }
        guard let start = portion.baseAddress else { return }
        for first in stride(from: 0, to: inputs, by: step) {
            let range = first..<min(first + step, inputs)
            try tensors.stored(entry.stored, rows: range, into: start)
            try forEachRun(entry, rows) { (run, stored) throws(CheckpointError) in
                for (index, column) in stored.enumerated() {
                    let target = destination + ((run + index) * inputs + first) * size
                    for input in 0..<range.count {
                        (target + input * size).copyMemory(from: start + (input * outputs + column) * size, byteCount: size)
                    }
                }
            }
        }
    }

    private func expandTransposed(
        _ entry: Entry, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>
    ) throws(CheckpointError) {
        guard let type = tensors.info(entry.stored)?.type.kernel else { return }
        let count = rows.count * entry.rowLength
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(count * type.blockBytes, 1), alignment: 64)
        defer { bytes.deallocate() }
        try transposed(entry, rows: rows, into: bytes)
        ElementExpansion.expand(type, from: bytes, count: count, into: destination)
    }
}

extension WeightReader: BaseProjections {
    package var areCurrent: Bool { files.allSatisfy { $0.stamp?.isCurrent ?? true } }

    package func read(
        _ module: ProjectionModule, layer: Int, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>
    ) throws {
        try read(WeightPlace(.projection(module), layer: layer), rows: rows, into: destination)
    }

    package func bias(_ module: ProjectionModule, layer: Int) throws -> [Float]? {
        let place = WeightPlace(.projection(module), layer: layer, isBias: true)
        return shape(place) == nil ? nil : try vector(place)
    }
}

extension TensorInfo {
    /// Whether a layer's tensor is none that was trained, but what some version of a model kept beside them and stored too: it follows from the
    /// configuration, and those who read checkpoints pass over it.
    var isBuffer: Bool {
        let rotary = [
            ".rotary_emb.inv_freq", ".rotary_emb.cos_cached", ".rotary_emb.sin_cached", ".attn_rot_embd", ".attn_rot_embd.weight",
        ]
        if rotary.contains(where: name.hasSuffix) { return true }
        // The causal mask, a square of positions, and what is written where it hides: a bias that was trained is a vector.
        if [".self_attn.bias", ".attention.bias", ".attn.bias"].contains(where: name.hasSuffix) {
            return shape.count >= 2 && shape.suffix(2).first == shape.last
        }
        return name.hasSuffix(".masked_bias") && elementCount == 1
    }
}
