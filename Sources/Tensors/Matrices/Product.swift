import Kernels

/// f32 products of any orientation on the pool. The result is cut into blocks of constant size, each one BLAS call over all of k: it does not
/// depend on the number of threads.
package enum Product {
    private static let blockRows = 256
    private static let blockColumns = 320

    /// c [m, n] = scale * op(a) op(b), added to what c holds when `add`. op transposes when its flag is set: op(a) is [m, k], op(b) [k, n].
    package static func run(
        _ a: MatrixView, transposeA: Bool = false, times b: MatrixView, transposeB: Bool = false, into c: MatrixView,
        scale: Float = 1, add: Bool = false, pool: WorkerPool
    ) {
        let depth = transposeA ? a.rows : a.columns
        precondition(
            (transposeA ? a.columns : a.rows) == c.rows && (transposeB ? b.rows : b.columns) == c.columns
                && (transposeB ? b.columns : b.rows) == depth,
            "Product: [\(a.rows), \(a.columns)] and [\(b.rows), \(b.columns)] into [\(c.rows), \(c.columns)]")
        let down = (c.rows + blockRows - 1) / blockRows
        let across = (c.columns + blockColumns - 1) / blockColumns
        pool.parallel(down * across) { task in
            let row = task / across * blockRows
            let column = task % across * blockColumns
            let left = transposeA ? a.pointer + row : a.pointer + row * a.stride
            let right = transposeB ? b.pointer + column * b.stride : b.pointer + column
            var call = resa_product(
                transposeA: transposeA, transposeB: transposeB, add: add, alpha: scale, m: min(blockRows, c.rows - row),
                n: min(blockColumns, c.columns - column), k: depth, a: left, aStride: a.stride, b: right, bStride: b.stride,
                c: c.pointer + row * c.stride + column, cStride: c.stride)
            resa_product_run(&call)
        }
    }
}
