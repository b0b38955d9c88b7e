import Kernels

/// Times products with weights that no cache holds: enough copies of a matrix to exceed the last cache several times, used in turn, as the
/// layers of a model are. Quantising and rounding of the activations count, as they do in a model.
package final class ProductBenchmark {
    /// Bytes of one matrix.
    package let byteCount: Int
    private let matrices: [PackedMatrix]
    private let pool: WorkerPool
    private let workspace = Workspace()
    private var next = 0

    /// - Throws: nothing in practice: the weights are made here.
    package init(format: MatrixFormat, outputs: Int, inputs: Int, pool: WorkerPool) throws {
        self.pool = pool
        let probe = try Self.matrix(format, outputs, inputs, pool)
        byteCount = probe.byteCount
        let wanted = 4 * max(Int(resa_last_cache_bytes()), 32 << 20)
        matrices = try [probe] + (1..<max(wanted / max(byteCount, 1), 1)).map { _ in try Self.matrix(format, outputs, inputs, pool) }
    }

    /// Seconds of one product with `rows` rows: the mean over a run that is long enough to time and touches every matrix.
    package func seconds(rows: Int) -> Double {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let x = workspace.matrix(rows, matrices[0].inputs)
        let y = workspace.matrix(rows, matrices[0].outputs)
        for row in 0..<rows { for column in 0..<x.columns { x[row, column] = Self.value(row &* 31 &+ column) } }
        multiply(x, y)
        let start = resa_seconds()
        var products = 0
        repeat {
            multiply(x, y)
            products += 1
        } while products < matrices.count || resa_seconds() - start < 0.05
        return (resa_seconds() - start) / Double(products)
    }

    private func multiply(_ x: MatrixView, _ y: MatrixView) {
        matrices[next].multiply(x, into: y, pool: pool, workspace: workspace)
        next = (next + 1) % matrices.count
    }

    private static func matrix(_ format: MatrixFormat, _ outputs: Int, _ inputs: Int, _ pool: WorkerPool) throws -> PackedMatrix {
        try PackedMatrix(format: format, outputs: outputs, inputs: inputs, pool: pool) { range, rows in
            for index in 0..<range.count * inputs { rows[index] = value(range.lowerBound &* inputs &+ index) }
        }
    }

    /// An arbitrary number in -1...1 (a multiplicative hash).
    private static func value(_ index: Int) -> Float {
        Float(Int32(truncatingIfNeeded: UInt64(truncatingIfNeeded: index &+ 1) &* 0x9E37_79B9_7F4A_7C15 >> 32)) / 2_147_483_648
    }
}
