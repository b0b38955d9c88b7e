import Checkpoints
import Foundation
import Tensors

/// Tensors that lie transposed in the file, and factors that are folded in while reading.
extension AdapterTensorReader {
    /// The tensor `[inputs, outputs]`, transposed, as the weights of `y = x W^T`; row `i` of W times `factors[i]`.
    func packed(
        transposing tensor: String, outputs: Int, inputs: Int, format: FloatFormat, factors: [Float]?, pool: WorkerPool
    ) throws(AdapterError) -> PackedMatrix {
        try require(tensor, shape: [inputs, outputs])
        do {
            let matrix = try PackedMatrix(format: MatrixFormat(format), outputs: outputs, inputs: inputs, pool: pool) { rows, destination in
                try readColumns(tensor, rows, height: inputs, factors: factors, into: destination)
            }
            tensors.discard(tensor)
            return matrix
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
            let encoder = try LatentEncoder(
                latents: latents, width: width, format: format, bias: UnsafePointer(bias.pointer), pool: pool
            ) { rows, destination in
                try readColumns(tensor, rows, height: width, factors: factors, into: destination)
            }
            tensors.discard(tensor)
            return encoder
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
            let table = try RowTable(rows: rows, width: width, format: format) { range, destination in
                try read(tensor, rows: range, columns: width, into: destination)
                try scale(destination, rows: range, width: width, by: factors, tensor)
            }
            tensors.discard(tensor)
            return table
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

    /// Writes columns `columns` of the tensor `[height, ...]` as rows of `height` numbers. Reads a narrow strip of the file.
    private func readColumns(
        _ tensor: String, _ columns: Range<Int>, height: Int, factors: [Float]?, into destination: UnsafeMutablePointer<Float>
    ) throws {
        guard let info = tensors.info(tensor), let type = info.type.kernel, type.blockElements == 1 else {
            throw AdapterError.badFile(
                adapter: adapter, file: file,
                problem: "tensor '\(tensor)' is of type \(tensors.info(tensor)?.type.rawValue ?? "none"), wanted F32, F16 or BF16")
        }
        let bytes = try tensors.stored(tensor, rows: 0..<height)
        guard let start = bytes.baseAddress else { return }
        let rowBytes = info.rowLength * type.blockBytes
        let strip = AlignedBuffer<Float>(count: columns.count)
        for row in 0..<height {
            ElementExpansion.expand(
                type, from: start + row * rowBytes + columns.lowerBound * type.blockBytes, count: columns.count, into: strip.pointer)
            for column in 0..<columns.count { destination[column * height + row] = strip.pointer[column] }
        }
        try refuseNonFinite(tensor, destination, count: columns.count * height) { "column \(columns.lowerBound + $0 / height)" }
        if let factors { try scale(destination, rows: columns, width: height, by: factors, tensor) }
    }

    private func scale(
        _ values: UnsafeMutablePointer<Float>, rows: Range<Int>, width: Int, by factors: [Float], _ tensor: String
    ) throws {
        for row in 0..<rows.count {
            let factor = factors[rows.lowerBound + row]
            for column in 0..<width { values[row * width + column] *= factor }
        }
        try refuseNonFinite(tensor, values, count: rows.count * width) { "latent \(rows.lowerBound + $0 / width), once scaled" }
    }
}
