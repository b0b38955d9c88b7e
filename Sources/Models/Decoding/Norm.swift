import Tensors

/// A norm of rows: plain memory that whoever made it owns and keeps, so that a step counts no reference when it reads one.
struct Norm: BitwiseCopyable, @unchecked Sendable {
    /// RMSNorm, or LayerNorm.
    private let centres: Bool
    private let weight: UnsafePointer<Float>
    private let bias: UnsafePointer<Float>?
    private let epsilon: Float
    private let width: Int

    /// - Parameters:
    ///   - centres: subtracts the mean, as a LayerNorm does.
    ///   - weight: `[width]`, which with `bias` outlives the norm.
    init(centres: Bool, weight: ParameterVector, bias: ParameterVector?, width: Int, epsilon: Float) {
        (self.centres, self.weight, self.bias) = (centres, weight.pointer, bias?.pointer)
        (self.width, self.epsilon) = (width, epsilon)
    }

    /// y = the norm of each row of x; both may be the same.
    func apply(to x: MatrixView, into y: MatrixView, pool: WorkerPool) {
        if centres {
            RowOperations.layerNorm(x, weight: weight, bias: bias, epsilon: epsilon, into: y, pool: pool)
        } else {
            RowOperations.rmsNorm(x, weight: weight, epsilon: epsilon, into: y, pool: pool)
        }
    }

    /// The same of runs of as many columns as the norm has weights, each by itself, in place: heads of queries or keys, or all heads at once.
    func applyToRuns(of x: MatrixView, pool: WorkerPool) {
        for start in stride(from: 0, to: x.columns, by: width) {
            let run = x.columns(start..<start + width)
            apply(to: run, into: run, pool: pool)
        }
    }
}
