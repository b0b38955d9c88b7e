import Adapters
import Checkpoints
import Tensors

/// Reads a model's weights under their Hugging Face names, whatever the checkpoint's layout.
///
/// GGUF names are mapped, and the row permutation that GGUF applies to the Q and K of `llama` (for interleaved rotary pairs) is
/// undone, so that every model rotates halves.
package struct WeightReader: Sendable {
    private struct Entry {
        var stored: String
        var shape: [Int]
        /// Nonzero: rows lie interleaved in heads of this many rows.
        var permutedHeadRows: Int
    }

    private let tensors: any TensorSource
    private let entries: [String: Entry]

    /// Checks that every tensor the configuration calls for is there, readable, and of the right shape.
    /// - Throws: `CheckpointError.missingTensor`, `.wrongShape`, `.unsupportedType`, or `.unsupported` for layer tensors that the
    ///   architecture would silently ignore.
    package init(checkpoint: Checkpoint, config: ModelConfig) throws(CheckpointError) {
        tensors = checkpoint.tensors
        let isGGUF = if case .gguf = checkpoint { true } else { false }
        var entries: [String: Entry] = [:]
        var known: Set<String> = []
        for expected in WeightNames(config: config).expected() {
            let stored = isGGUF ? expected.gguf : expected.name
            guard let info = tensors.info(stored) else { throw tensors.missing(stored) }
            guard info.shape == expected.shape else {
                throw .wrongShape(file: tensors.path, tensor: stored, got: info.shape, wanted: expected.shape)
            }
            guard info.type.isExpandable else {
                throw .unsupportedType(
                    file: tensors.path, tensor: stored, got: info.type.rawValue, wanted: ElementType.expandableNames)
            }
            known.insert(stored)
            entries[expected.name] = Entry(
                stored: stored, shape: info.shape,
                permutedHeadRows: isGGUF && expected.permutedHeads > 0 ? expected.shape[0] / expected.permutedHeads : 0)
        }
        self.entries = entries
        try refuseUnknown(known, isGGUF: isGGUF, layers: config.layers)
    }

    /// A tensor of a used layer that nothing reads (a norm on Q, a bias the configuration denies) means other arithmetic.
    private func refuseUnknown(_ known: Set<String>, isGGUF: Bool, layers: Int) throws(CheckpointError) {
        let prefix = isGGUF ? "blk." : "model.layers."
        for name in tensors.tensorNames where name.hasPrefix(prefix) && !known.contains(name) {
            guard let layer = Int(name.dropFirst(prefix.count).prefix { $0 != "." }), layer < layers else { continue }
            if let info = tensors.info(name), WeightNames.isBuffer(info) { continue }
            throw .unsupported(
                file: tensors.path, what: "tensor \(name), which this architecture does not use,",
                advice: "check the configuration (architecture, attention_bias, mlp_bias) against the weights")
        }
    }

    /// The shape of the tensor, or nil when the model has none of that name (for example `lm_head.weight` when tied).
    package func shape(_ name: String) -> [Int]? { entries[name]?.shape }

    /// How the tensor's elements are stored.
    /// - Throws: `CheckpointError.missingTensor` for names outside the model.
    package func storedType(_ name: String) throws(CheckpointError) -> ElementExpansion {
        // What cannot be expanded was refused by init.
        guard let entry = entries[name], let type = tensors.info(entry.stored)?.type.kernel else { throw missing(name) }
        return type
    }

    /// The files that hold the weights.
    package var files: [OpenFile] { tensors.files }

    /// Throws when somebody has written to the files since they were opened.
    package func refuseChanged() throws(CheckpointError) { try tensors.refuseChanged() }

    /// The file or folder, for error messages.
    package var path: String { tensors.path }

    /// How many bytes `stored` writes for a row.
    package func storedRowBytes(_ name: String) -> Int {
        guard let entry = entries[name], let info = tensors.info(entry.stored) else { return 0 }
        return info.byteRange.count / max(info.rows, 1)
    }

    /// Writes rows `rows` to `destination` as they are stored. May be called from several threads at once.
    /// - Throws: as `read`.
    package func stored(_ name: String, rows: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError) {
        guard let entry = entries[name] else { throw missing(name) }
        let headRows = entry.permutedHeadRows
        let rowBytes = storedRowBytes(name)
        if headRows > 0 {
            for (index, row) in rows.enumerated() {
                let source = GGUFRowOrder.stored(row, headRows: headRows)
                try tensors.stored(entry.stored, rows: source..<source + 1, into: destination + index * rowBytes)
            }
        } else {
            try tensors.stored(entry.stored, rows: rows, into: destination)
        }
        guard let type = tensors.info(entry.stored)?.type.kernel else { return }
        for (index, row) in rows.enumerated()
        where !ElementExpansion.areFinite(type, destination + index * rowBytes, count: rowBytes / type.blockBytes * type.blockElements) {
            throw notFinite(entry, rows: row..<row + 1)
        }
    }

    /// Writes rows `rows` of the tensor, as f32, `shape[1]` numbers each (one for a vector), into `destination`.
    /// May be called from several threads at once.
    /// - Throws: `CheckpointError.missingTensor` for names outside the model, `.malformed` for rows outside the tensor and for numbers that
    ///   are not finite, `.cannotRead`.
    package func read(_ name: String, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws(CheckpointError) {
        guard let entry = entries[name] else { throw missing(name) }
        let headRows = entry.permutedHeadRows
        let rowLength = entry.shape.count > 1 ? entry.shape[1] : 1
        guard headRows > 0 else {
            try tensors.expand(entry.stored, rows: rows, into: destination)
            try refuseNonFinite(destination, entry, rows: rows, rowLength: rowLength)
            return
        }
        for (index, row) in rows.enumerated() {
            let source = GGUFRowOrder.stored(row, headRows: headRows)
            try tensors.expand(entry.stored, rows: source..<source + 1, into: destination + index * rowLength)
        }
        try refuseNonFinite(destination, entry, rows: rows, rowLength: rowLength)
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
    package func vector(_ name: String) throws(CheckpointError) -> [Float] {
        guard let entry = entries[name] else { throw missing(name) }
        var values = [Float](repeating: 0, count: entry.shape.reduce(1, *))
        let rows = entry.shape[0]
        var failure: CheckpointError?
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            do throws(CheckpointError) { try read(name, rows: 0..<rows, into: base) } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }

    private func missing(_ name: String) -> CheckpointError {
        .missingTensor(file: tensors.path, tensor: name, near: NearNames.find(name, among: entries.keys.sorted()))
    }
}

extension WeightReader: BaseProjections {
    package var areCurrent: Bool { files.allSatisfy { $0.stamp?.isCurrent ?? true } }

    package func read(
        _ module: ProjectionModule, layer: Int, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>
    ) throws {
        try read(Self.stem(module, layer) + ".weight", rows: rows, into: destination)
    }

    package func bias(_ module: ProjectionModule, layer: Int) throws -> [Float]? {
        let name = Self.stem(module, layer) + ".bias"
        return shape(name) == nil ? nil : try vector(name)
    }

    private static func stem(_ module: ProjectionModule, _ layer: Int) -> String {
        "model.layers.\(layer).\(module.parent).\(module.rawValue)"
    }
}
