import Checkpoints
import Foundation
import Tensors

/// Reads whole tensors of an adapter into the engine's formats, refusing values that are not finite: one NaN in an adapter would
/// turn every answer it touches into noise.
struct AdapterTensorReader: Sendable {
    let adapter: String
    let file: String
    let tensors: any TensorSource

    init(adapter: String, file: String, tensors: any TensorSource) { (self.adapter, self.file, self.tensors) = (adapter, file, tensors) }

    /// Reads the header of a safetensors file.
    /// - Parameter shownIn: the folder's path inside the adapter, for error messages; empty when it is the adapter's own folder.
    init(opening file: String, in folder: URL, shownIn: String = "", adapter: String) throws(AdapterError) {
        let path = folder.appendingPathComponent(file).path
        let shown = shownIn.isEmpty ? file : "\(shownIn)/\(file)"
        do {
            self.init(adapter: adapter, file: shown, tensors: try SafetensorsFile(path: path))
        } catch {
            throw AdapterError(error, adapter: adapter, file: shown, path: path)
        }
    }

    /// The shape, or an error that says the tensor is missing.
    func shape(_ tensor: String) throws(AdapterError) -> [Int] {
        guard let info = tensors.info(tensor) else {
            throw .badFile(adapter: adapter, file: file, problem: "tensor '\(tensor)' is missing")
        }
        return info.shape
    }

    func require(_ tensor: String, shape wanted: [Int]) throws(AdapterError) {
        let got = try shape(tensor)
        guard got == wanted else { throw .shapeMismatch(adapter: adapter, tensor: tensor, got: got, wanted: wanted) }
    }

    /// Rows of the tensor as the weights `[outputs, inputs]` of `y = x W^T`.
    /// - Parameters:
    ///   - order: where the rows lie in the tensor.
    ///   - storedRows: rows of the tensor; nil for `outputs`.
    ///   - rowFactor: what a row is multiplied with; nil for nothing.
    func packed(
        _ tensor: String, outputs: Int, inputs: Int, format: MatrixFormat, storage: WeightStorage? = nil,
        order: StoredRowOrder = StoredRowOrder(), of storedRows: Int? = nil, rowFactor: (@Sendable (_ row: Int) -> Float)? = nil,
        pool: WorkerPool
    ) throws(AdapterError) -> PackedMatrix {
        try require(tensor, shape: [storedRows ?? outputs, inputs])
        do {
            // Where a number is not finite, reading row by row says which.
            if rowFactor == nil, let type = tensors.info(tensor)?.type.kernel, type.blockElements == 1 {
                let stored = try StoredRows(tensor, rows: storedRows ?? outputs, of: tensors, pool: pool)
                if let matrix = PackedMatrix(
                    stored: type, format: format, outputs: outputs, inputs: inputs, storage: storage, pool: pool,
                    row: { stored.row(order.stored($0)) })
                {
                    return matrix
                }
            }
            return try PackedMatrix(format: format, outputs: outputs, inputs: inputs, storage: storage, pool: pool) {
                rows, destination in
                try read(tensor, rows: rows, columns: inputs, order: order, into: destination)
                guard let rowFactor else { return }
                for (index, row) in rows.enumerated() {
                    let factor = rowFactor(row)
                    for column in index * inputs..<(index + 1) * inputs { destination[column] *= factor }
                }
            }
        } catch {
            throw wrap(error)
        }
    }

    func packed(_ tensor: String, outputs: Int, inputs: Int, format: FloatFormat, pool: WorkerPool) throws(AdapterError) -> PackedMatrix {
        try packed(tensor, outputs: outputs, inputs: inputs, format: MatrixFormat(format), pool: pool)
    }

    /// The tensor `[latents, width]` as an encoder that selects its largest pre-activations.
    func latentEncoder(
        _ tensor: String, latents: Int, width: Int, format: FloatFormat, bias: borrowing AlignedBuffer<Float>, pool: WorkerPool
    ) throws(AdapterError) -> LatentEncoder {
        try require(tensor, shape: [latents, width])
        do {
            return try LatentEncoder(
                latents: latents, width: width, format: format, bias: UnsafePointer(bias.pointer), pool: pool
            ) { rows, destination in
                try read(tensor, rows: rows, columns: width, into: destination)
            }
        } catch {
            throw wrap(error)
        }
    }

    /// A one-dimensional tensor, or elements of one.
    /// - Parameters:
    ///   - order: where they lie in it.
    ///   - storedCount: elements of the tensor; nil for `count`.
    func vector(
        _ tensor: String, count: Int, order: StoredRowOrder = StoredRowOrder(), of storedCount: Int? = nil
    ) throws(AdapterError) -> AlignedBuffer<Float> {
        try require(tensor, shape: [storedCount ?? count])
        let buffer = AlignedBuffer<Float>(count: count)
        do {
            try read(tensor, rows: 0..<count, columns: 1, order: order, into: buffer.pointer)
        } catch {
            throw wrap(error)
        }
        return buffer
    }

    /// The tensor `[rows, width]` with its rows kept whole, for reading some of them by index.
    func rowTable(_ tensor: String, rows: Int, width: Int, format: FloatFormat) throws(AdapterError) -> RowTable {
        try require(tensor, shape: [rows, width])
        do {
            return try RowTable(rows: rows, width: width, format: format) { range, destination in
                try read(tensor, rows: range, columns: width, into: destination)
            }
        } catch {
            throw wrap(error)
        }
    }

    func read(_ tensor: String, rows: Range<Int>, columns: Int, into destination: UnsafeMutablePointer<Float>) throws {
        try tensors.expand(tensor, rows: rows, into: destination)
        try refuseNonFinite(tensor, destination, count: rows.count * columns) { "row \(rows.lowerBound + $0 / columns)" }
    }

    /// The same of rows that lie in `order`.
    func read(
        _ tensor: String, rows: Range<Int>, columns: Int, order: StoredRowOrder, into destination: UnsafeMutablePointer<Float>
    ) throws {
        if order.isContiguous {
            let stored = rows.lowerBound + order.first..<rows.upperBound + order.first
            return try read(tensor, rows: stored, columns: columns, into: destination)
        }
        for (index, row) in rows.enumerated() {
            let stored = order.stored(row)
            try read(tensor, rows: stored..<stored + 1, columns: columns, into: destination + index * columns)
        }
    }

    /// - Parameter place: where the value of an index lies, in words.
    func refuseNonFinite(
        _ tensor: String, _ values: UnsafePointer<Float>, count: Int, place: (_ index: Int) -> String
    ) throws(AdapterError) {
        guard let bad = Self.firstNonFinite(values, count: count) else { return }
        throw .badFile(adapter: adapter, file: file, problem: "tensor '\(tensor)' holds \(values[bad]) in \(place(bad))")
    }

    func wrap(_ error: any Error) -> AdapterError {
        AdapterError(error, adapter: adapter, file: file, path: tensors.path)
    }

    private static func firstNonFinite(_ values: UnsafePointer<Float>, count: Int) -> Int? {
        RowOperations.largestMagnitude(values, count: count).isFinite ? nil : (0..<count).first { !values[$0].isFinite }
    }
}
