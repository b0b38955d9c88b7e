import Models
import Tensors

/// A weight matrix W [outputs, inputs] of the base model, which gets no gradient: y = x W^T forward, dx = dy W backward.
///
/// f32: row-major as stored, bf16 stays bf16 (`FrozenRows`). bf16: packed twice, once for each direction, on the server's own kernels.
package final class FrozenMatrix: Sendable {
    package let outputs: Int
    package let inputs: Int
    private let weights: Weights

    private enum Weights {
        case stored(FrozenRows)
        case packed(PackedMatrix, backward: PackedMatrix?)
    }

    /// Reads the weight at `place`, whose shape the reader has checked.
    /// - Parameter hasBackward: whether `multiplyTransposed` will be called.
    package init(_ reader: WeightReader, _ place: WeightPlace, precision: TrainingPrecision, hasBackward: Bool = true, pool: WorkerPool)
        throws
    {
        let shape = reader.shape(place) ?? []
        precondition(shape.count == 2, "FrozenMatrix: \(place) is no matrix of this model")
        let (height, width) = (shape[0], shape[1])
        (outputs, inputs) = (height, width)
        switch precision {
        case .f32:
            let storedAsBF16 = try reader.storedType(place) == .bf16
            let stored = FrozenRows(outputs: height, inputs: width, format: storedAsBF16 ? .bf16 : .f32)
            weights = .stored(stored)
            try PackedMatrix.forEachBlock(height, pool: pool) {
                ()
            } _: { range, _ in
                if storedAsBF16 {
                    try reader.stored(place, rows: range, into: stored.row(range.lowerBound))
                } else {
                    try reader.read(place, rows: range, into: stored.row(range.lowerBound).assumingMemoryBound(to: Float.self))
                }
            }
        case .bf16:
            let whole = AlignedBuffer<Float>(count: height * width)
            nonisolated(unsafe) let source = whole.pointer
            let forward = try PackedMatrix(format: .bf16, outputs: height, inputs: width, pool: pool) { range, target in
                try reader.read(place, rows: range, into: source + range.lowerBound * width)
                target.update(from: source + range.lowerBound * width, count: range.count * width)
            }
            let backward =
                hasBackward
                ? try PackedMatrix(format: .bf16, outputs: width, inputs: height, pool: pool) { range, target in
                    TrainedNumbers.transpose(
                        source + range.lowerBound, rows: height, columns: range.count, xStride: width, into: target, outStride: height)
                } : nil
            weights = .packed(forward, backward: backward)
        }
    }

    package var byteCount: Int {
        switch weights {
        case .stored(let rows): rows.byteCount
        case .packed(let forward, let backward): forward.byteCount + (backward?.byteCount ?? 0)
        }
    }

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
        switch weights {
        case .stored(let rows):
            ElementExpansion.expand(rows.format == .bf16 ? .bf16 : .f32, from: rows.row(index), count: inputs, into: target)
        case .packed(let forward, _): forward.copyRow(index, into: target)
        }
    }

    /// y [rows, outputs] = x [rows, inputs] W^T (+ bias).
    package func multiply(
        _ x: MatrixView, into y: MatrixView, bias: UnsafePointer<Float>? = nil, pool: WorkerPool, workspace: Workspace
    ) {
        precondition(x.columns == inputs && y.columns == outputs && x.rows == y.rows)
        switch weights {
        case .stored(let rows):
            if let bias { pool.rows(y.rows) { y.row($0).update(from: bias, count: outputs) } }
            rows.multiply(x, into: y, add: bias != nil, pool: pool, workspace: workspace)
        case .packed(let forward, _): forward.multiply(x, into: y, bias: bias, pool: pool, workspace: workspace)
        }
    }

    /// dx [rows, inputs] = dy [rows, outputs] W, added to what dx holds when `add`.
    package func multiplyTransposed(_ dy: MatrixView, into dx: MatrixView, add: Bool = false, pool: WorkerPool, workspace: Workspace) {
        precondition(dy.columns == outputs && dx.columns == inputs && dx.rows == dy.rows)
        switch weights {
        case .stored(let rows): rows.multiplyTransposed(dy, into: dx, add: add, pool: pool, workspace: workspace)
        case .packed(_, let backward):
            guard let backward else { preconditionFailure("FrozenMatrix: made without a backward direction") }
            backward.multiply(dy, into: dx, add ? .add(scale: 1) : .store, pool: pool, workspace: workspace)
        }
    }
}
