import Tensors

/// What DoRA (Liu et al., arXiv 2402.09353) does to a projection beside the low-rank update: every row of `W + s B A` is brought to the length
/// that the magnitude vector m gives it. With `f = m / |W + s B A|`, row by row, what leaves the projection is
///
///     f * (W x + s B (A x)) + bias  =  y + (f - 1) * (y - bias) + s (f * B) (A x),   y = W x + bias
///
/// so that B is loaded with its rows multiplied by f, and f - 1 and the bias are kept. Norms are those of the stored weights, as in PEFT,
/// however the model holds them.
package final class DoRAMagnitudes: Sendable {
    /// f - 1 `[outputs]`
    package let gain: AlignedBuffer<Float>
    /// The base's `[outputs]`; zeros where it has none.
    let bias: AlignedBuffer<Float>

    /// Bytes held for a projection.
    static func byteCount(outputs: Int) -> Int { 2 * 4 * outputs }

    /// - Parameters:
    ///   - m: `[outputs]`
    ///   - a: `[rank, inputs]`
    ///   - b: `[outputs, rank]`
    ///   - scale: s.
    ///   - read: writes rows of W.
    /// - Throws: what `read` throws, and `Problem` for a row whose length is zero or beyond f32.
    init(
        m: borrowing AlignedBuffer<Float>, a: MatrixView, b: MatrixView, scale: Float, bias: [Float]?, pool: WorkerPool,
        read: (_ rows: Range<Int>, _ destination: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        let (outputs, inputs) = (b.rows, a.columns)
        gain = AlignedBuffer(count: outputs)
        self.bias = AlignedBuffer(count: outputs)
        let step = min(outputs, max(1, (1 << 18) / inputs))
        let block = AlignedBuffer<Float>(count: step * inputs)
        for start in stride(from: 0, to: outputs, by: step) {
            let rows = start..<min(start + step, outputs)
            let w = MatrixView(pointer: block.pointer, rows: rows.count, columns: inputs)
            try read(rows, w.pointer)
            Product.run(b.rows(rows), times: a, into: w, scale: scale, add: true, pool: pool)
            for (index, row) in rows.enumerated() {
                let norm = RowOperations.sumOfSquares(w.row(index), count: inputs, on: pool.instructionSet).squareRoot()
                let factor = m.pointer[row] / norm
                guard factor.isFinite else { throw Problem(row: row, norm: norm) }
                (gain.pointer[row], self.bias.pointer[row]) = (factor - 1, bias?[row] ?? 0)
            }
        }
    }

    /// f of a row.
    @Sendable func factor(_ row: Int) -> Float { 1 + gain.pointer[row] }

    /// Every row keeps its length.
    var doNothing: Bool { (0..<gain.count).allSatisfy { gain.pointer[$0] == 0 } }

    struct Problem: Error, CustomStringConvertible {
        let row: Int
        let norm: Float

        var description: String { "row \(row) of the weights with the update added has length \(norm), by which DoRA divides" }
    }
}
