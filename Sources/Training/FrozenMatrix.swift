import Kernels
import Models
import Tensors

/// A weight matrix W [outputs, inputs] of the base model, which gets no gradient: y = x W^T forward, dx = dy W backward.
///
/// f32: row-major as stored (bf16 stays bf16), expanded block by block into cache and multiplied by the tier's own tile or by BLAS. bf16:
/// packed twice, once for each direction, on the server's own kernels. Blocks have constant sizes, so results do not depend on the number of
/// threads.
package final class FrozenMatrix: Sendable {
    package let outputs: Int
    package let inputs: Int
    /// Empty when packed.
    private let rows: AlignedBuffer<UInt8>
    private let isBrain: Bool
    private let forward: PackedMatrix?
    private let backward: PackedMatrix?

    /// Reads tensor `name`, whose shape the reader has checked.
    /// - Parameter hasBackward: whether `multiplyTransposed` will be called.
    package init(_ reader: WeightReader, _ name: String, precision: TrainingPrecision, hasBackward: Bool = true, pool: WorkerPool) throws {
        let shape = reader.shape(name) ?? []
        precondition(shape.count == 2, "FrozenMatrix: \(name) is no matrix of this model")
        let (height, width) = (shape[0], shape[1])
        (outputs, inputs) = (height, width)
        switch precision {
        case .f32:
            let storedAsBF16 = try reader.storedType(name) == .bf16
            let bytes = storedAsBF16 ? 2 : 4
            isBrain = storedAsBF16
            rows = AlignedBuffer(count: height * width * bytes)
            forward = nil
            backward = nil
            nonisolated(unsafe) let target = UnsafeMutableRawPointer(rows.pointer)
            try PackedMatrix.forEachBlock(height, pool: pool) {
                ()
            } _: { range, _ in
                if storedAsBF16 {
                    try reader.stored(name, rows: range, into: target + range.lowerBound * width * bytes)
                } else {
                    try reader.read(
                        name, rows: range, into: (target + range.lowerBound * width * bytes).assumingMemoryBound(to: Float.self))
                }
            }
        case .bf16:
            isBrain = true
            rows = AlignedBuffer(count: 0)
            let whole = AlignedBuffer<Float>(count: height * width)
            nonisolated(unsafe) let source = whole.pointer
            forward = try PackedMatrix(format: .bf16, outputs: height, inputs: width, pool: pool) { range, target in
                try reader.read(name, rows: range, into: source + range.lowerBound * width)
                target.update(from: source + range.lowerBound * width, count: range.count * width)
            }
            backward =
                hasBackward
                ? try PackedMatrix(format: .bf16, outputs: width, inputs: height, pool: pool) { range, target in
                    resa_transpose(height, range.count, source + range.lowerBound, width, target, height)
                } : nil
        }
    }

    package var byteCount: Int { rows.count + (forward?.byteCount ?? 0) + (backward?.byteCount ?? 0) }

    /// Bytes that a matrix of that shape will take.
    package static func byteCount(outputs: Int, inputs: Int, storedAsBF16: Bool, precision: TrainingPrecision) -> Int {
        switch precision {
        case .f32: outputs * inputs * (storedAsBF16 ? 2 : 4)
        case .bf16:
            MatrixFormat.bf16.byteCount(outputs: outputs, inputs: inputs) + MatrixFormat.bf16.byteCount(outputs: inputs, inputs: outputs)
        }
    }

    /// Row `index` as f32.
    package func copyRow(_ index: Int, into target: UnsafeMutablePointer<Float>) {
        precondition(index >= 0 && index < outputs, "FrozenMatrix: row \(index) of \(outputs)")
        if let forward { return forward.copyRow(index, into: target) }
        ElementExpansion.expand(
            isBrain ? .bf16 : .f32, from: rows.pointer + index * inputs * (isBrain ? 2 : 4), count: inputs, into: target)
    }

    /// y [rows, outputs] = x [rows, inputs] W^T (+ bias).
    package func multiply(
        _ x: MatrixView, into y: MatrixView, bias: UnsafePointer<Float>? = nil, pool: WorkerPool, workspace: Workspace
    ) {
        precondition(x.columns == inputs && y.columns == outputs && x.rows == y.rows)
        if let forward { return forward.multiply(x, into: y, bias: bias, pool: pool, workspace: workspace) }
        if let bias { pool.rows(y.rows) { y.row($0).update(from: bias, count: outputs) } }
        let kernels = pool.instructionSet.kernels
        withUnsafePointer(to: kernel) { matrix in
            forEachBlock(rows: x.rows, columns: outputs, pool: pool, workspace: workspace) { rows, columns, scratch in
                resa_frozen_product(
                    kernels, matrix, columns.lowerBound, columns.count, rows.count, x.row(rows.lowerBound), x.stride,
                    y.row(rows.lowerBound) + columns.lowerBound, y.stride, bias != nil, scratch)
            }
        }
    }

    /// dx [rows, inputs] = dy [rows, outputs] W, added to what dx holds when `add`.
    package func multiplyTransposed(_ dy: MatrixView, into dx: MatrixView, add: Bool = false, pool: WorkerPool, workspace: Workspace) {
        precondition(dy.columns == outputs && dx.columns == inputs && dx.rows == dy.rows)
        if forward != nil {
            guard let backward else { preconditionFailure("FrozenMatrix: made without a backward direction") }
            return backward.multiply(dy, into: dx, add ? .add(scale: 1) : .store, pool: pool, workspace: workspace)
        }
        let kernels = pool.instructionSet.kernels
        withUnsafePointer(to: kernel) { matrix in
            forEachBlock(rows: dy.rows, columns: inputs, pool: pool, workspace: workspace) { rows, columns, scratch in
                resa_frozen_transposed(
                    kernels, matrix, columns.lowerBound, columns.count, rows.count, dy.row(rows.lowerBound), dy.stride,
                    dx.row(rows.lowerBound) + columns.lowerBound, dx.stride, add, scratch)
            }
        }
    }

    private var kernel: resa_frozen { resa_frozen(outputs: outputs, inputs: inputs, weights: rows.pointer, brain: isBrain) }

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
        let down = (rows + Int(RESA_FROZEN_ROWS) - 1) / Int(RESA_FROZEN_ROWS)
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
