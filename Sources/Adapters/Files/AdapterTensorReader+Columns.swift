import Checkpoints
import Foundation
import Synchronization
import Tensors

/// Tensors that lie transposed in the file, and factors that are folded in while reading.
extension AdapterTensorReader {
    /// The tensor `[inputs, outputs]`, transposed, as the weights of `y = x W^T`; row `i` of W times `factors[i]`.
    func packed(
        transposing tensor: String, outputs: Int, inputs: Int, format: FloatFormat, factors: [Float]?, pool: WorkerPool
    ) throws(AdapterError) -> PackedMatrix {
        try require(tensor, shape: [inputs, outputs])
        do {
            let columns = try StoredColumns(tensor, height: inputs, of: self, pool: pool)
            return try PackedMatrix(format: MatrixFormat(format), outputs: outputs, inputs: inputs, pool: pool) { rows, destination in
                try columns.read(rows, factors: factors, into: destination)
            }
        } catch {
            throw wrap(error)
        }
    }

    /// The tensor `[width, latents]`, transposed, as an encoder that selects its largest pre-activations.
    func latentEncoder(
        transposing tensor: String, latents: Int, width: Int, format: FloatFormat, bias: borrowing AlignedBuffer<Float>, factors: [Float]?,
        pool: WorkerPool
    ) throws(AdapterError) -> LatentEncoder {
        try require(tensor, shape: [width, latents])
        do {
            let columns = try StoredColumns(tensor, height: width, of: self, pool: pool)
            return try LatentEncoder(
                latents: latents, width: width, format: format, bias: UnsafePointer(bias.pointer), pool: pool
            ) { rows, destination in
                try columns.read(rows, factors: factors, into: destination)
            }
        } catch {
            throw wrap(error)
        }
    }

    /// The tensor `[rows, width]` with its rows kept whole, row `i` times `factors[i]`.
    func rowTable(
        _ tensor: String, rows: Int, width: Int, format: FloatFormat, factors: [Float]?
    ) throws(AdapterError) -> RowTable {
        guard let factors else { return try rowTable(tensor, rows: rows, width: width, format: format) }
        try require(tensor, shape: [rows, width])
        do {
            return try RowTable(rows: rows, width: width, format: format) { range, destination in
                try read(tensor, rows: range, columns: width, into: destination)
                try scale(destination, rows: range, width: width, by: factors, tensor)
            }
        } catch {
            throw wrap(error)
        }
    }

    /// The Euclidean norm of every row of the tensor `[rows, width]`.
    func rowNorms(_ tensor: String, rows: Int, width: Int) throws(AdapterError) -> [Float] {
        try require(tensor, shape: [rows, width])
        var norms: [Float] = []
        let step = 64
        let scratch = AlignedBuffer<Float>(count: step * width)
        do {
            for start in stride(from: 0, to: rows, by: step) {
                let range = start..<min(rows, start + step)
                try read(tensor, rows: range, columns: width, into: scratch.pointer)
                for row in 0..<range.count {
                    let values = scratch.pointer + row * width
                    var squares = 0.0
                    for column in 0..<width { squares += Double(values[column]) * Double(values[column]) }
                    norms.append(Float(squares.squareRoot()))
                }
            }
        } catch {
            throw wrap(error)
        }
        return norms
    }

    fileprivate func scale(
        _ values: UnsafeMutablePointer<Float>, rows: Range<Int>, width: Int, by factors: [Float], _ tensor: String
    ) throws {
        for row in 0..<rows.count {
            let factor = factors[rows.lowerBound + row]
            for column in 0..<width { values[row * width + column] *= factor }
        }
        try refuseNonFinite(tensor, values, count: rows.count * width) { "latent \(rows.lowerBound + $0 / width), once scaled" }
    }
}

/// A tensor's stored bytes in memory, whole: for those who need its rows in another order than the file has them.
final class StoredRows: Sendable {
    private let bytes: AlignedBuffer<UInt8>
    private let rowBytes: Int

    /// - Throws: `CheckpointError` when it cannot be read.
    init(_ tensor: String, rows: Int, of tensors: any TensorSource, pool: WorkerPool) throws {
        let count = tensors.info(tensor)?.byteRange.count ?? 0
        bytes = AlignedBuffer(count: count)
        rowBytes = count / max(rows, 1)
        nonisolated(unsafe) let target = UnsafeMutableRawPointer(bytes.pointer)
        let rowBytes = rowBytes
        let step = max(1, Self.portionBytes / max(rowBytes, 1))
        let failure = Mutex<CheckpointError?>(nil)
        pool.parallel((rows + step - 1) / step) { task in
            let range = task * step..<min(rows, (task + 1) * step)
            do throws(CheckpointError) {
                try tensors.stored(tensor, rows: range, into: target + range.lowerBound * rowBytes)
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    private static let portionBytes = 4 << 20

    /// Where row `index` begins.
    func row(_ index: Int) -> UnsafeRawPointer { UnsafeRawPointer(bytes.pointer) + index * rowBytes }
}

/// The columns of a tensor `[height, ...]` of plain floats.
private struct StoredColumns: Sendable {
    private let tensor: String
    private let height: Int
    private let type: ElementExpansion
    private let rows: StoredRows
    private let reader: AdapterTensorReader

    init(_ tensor: String, height: Int, of reader: AdapterTensorReader, pool: WorkerPool) throws {
        guard let type = reader.tensors.info(tensor)?.type.kernel, type.blockElements == 1 else {
            throw AdapterError.badFile(
                adapter: reader.adapter, file: reader.file,
                problem: "tensor '\(tensor)' is of type \(reader.tensors.info(tensor)?.type.rawValue ?? "none"), wanted F32, F16 or BF16")
        }
        (self.tensor, self.height, self.type, self.reader) = (tensor, height, type, reader)
        rows = try StoredRows(tensor, rows: height, of: reader.tensors, pool: pool)
    }

    /// Writes columns `columns` as rows of `height` numbers, row `i` times `factors[i]`.
    func read(_ columns: Range<Int>, factors: [Float]?, into destination: UnsafeMutablePointer<Float>) throws {
        let strip = AlignedBuffer<Float>(count: columns.count)
        for row in 0..<height {
            ElementExpansion.expand(
                type, from: rows.row(row) + columns.lowerBound * type.blockBytes, count: columns.count, into: strip.pointer)
            for column in 0..<columns.count { destination[column * height + row] = strip.pointer[column] }
        }
        try reader.refuseNonFinite(tensor, destination, count: columns.count * height) { "column \(columns.lowerBound + $0 / height)" }
        if let factors { try reader.scale(destination, rows: columns, width: height, by: factors, tensor) }
    }
}
