import Kernels

/// W [outputs, inputs] that gets no gradient, row-major as it is stored, f32 or bf16: expanded block by block into cache and multiplied by the
/// tier's own tile or by BLAS. Blocks have constant sizes, so results do not depend on the number of threads.
package final class FrozenRows: Sendable {
    /// Rows of x that a block takes at most.
    package static let blockRows = Int(RESA_FROZEN_ROWS)

    package let outputs: Int
    package let inputs: Int
    package let format: FloatFormat
    private let buffer: AlignedBuffer<UInt8>

    /// Zeros; `rows` is where to write the weights.
    package init(outputs: Int, inputs: Int, format: FloatFormat) {
        (self.outputs, self.inputs, self.format) = (outputs, inputs, format)
        buffer = AlignedBuffer(count: outputs * inputs * (format == .bf16 ? 2 : 4))
    }

    package var byteCount: Int { buffer.count }

    /// Where row `index` begins. Whoever writes orders the writes.
    package func row(_ index: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(buffer.pointer) + index * inputs * (format == .bf16 ? 2 : 4)
    }

    /// y [rows, outputs] = x [rows, inputs] W^T, added to what y holds when `add`.
    package func multiply(_ x: MatrixView, into y: MatrixView, add: Bool, pool: WorkerPool, workspace: Workspace) {
        precondition(x.columns == inputs && y.columns == outputs && x.rows == y.rows)
        let kernels = pool.kernels
        withUnsafePointer(to: kernel) { matrix in
            forEachBlock(rows: x.rows, columns: outputs, pool: pool, workspace: workspace) { rows, columns, scratch in
                resa_frozen_product(
                    kernels, matrix, columns.lowerBound, columns.count, rows.count, x.row(rows.lowerBound), x.stride,
                    y.row(rows.lowerBound) + columns.lowerBound, y.stride, add, scratch)
            }
        }
    }

    /// dx [rows, inputs] = dy [rows, outputs] W, added to what dx holds when `add`.
    package func multiplyTransposed(_ dy: MatrixView, into dx: MatrixView, add: Bool, pool: WorkerPool, workspace: Workspace) {
        precondition(dy.columns == outputs && dx.columns == inputs && dx.rows == dy.rows)
        let kernels = pool.kernels
        withUnsafePointer(to: kernel) { matrix in
            forEachBlock(rows: dy.rows, columns: inputs, pool: pool, workspace: workspace) { rows, columns, scratch in
                resa_frozen_transposed(
                    kernels, matrix, columns.lowerBound, columns.count, rows.count, dy.row(rows.lowerBound), dy.stride,
                    dx.row(rows.lowerBound) + columns.lowerBound, dx.stride, add, scratch)
            }
        }
    }

    private var kernel: resa_frozen {
        resa_frozen(outputs: outputs, inputs: inputs, weights: buffer.pointer, brain: format == .bf16)
    }

    /// Equal blocks of at most RESA_FROZEN_ROWS by RESA_FROZEN_COLUMNS.
    private func forEachBlock(
        rows: Int, columns: Int, pool: WorkerPool, workspace: Workspace,
        _ body: (_ rows: Range<Int>, _ columns: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) -> Void
    ) {
        if rows == 0 { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let scratchSize = Int(RESA_FROZEN_COLUMNS * RESA_FROZEN_DEPTH)
        let scratch = workspace.allocate(Float.self, pool.threads * scratchSize)
        let most = Int(RESA_FROZEN_COLUMNS)
        let panels = (columns + most - 1) / most
        let width = min(most, ((columns + panels - 1) / panels + 15) / 16 * 16)
        let down = (rows + Self.blockRows - 1) / Self.blockRows
        let height = (rows + down - 1) / down
        pool.parallelLanes(panels * down) { task, lane in
            let (panel, block) = (task / down, task % down)
            let columnRange = min(columns, panel * width)..<min(columns, (panel + 1) * width)
            let rowRange = min(rows, block * height)..<min(rows, (block + 1) * height)
            if columnRange.isEmpty || rowRange.isEmpty { return }
            body(rowRange, columnRange, scratch + lane * scratchSize)
        }
    }
}
