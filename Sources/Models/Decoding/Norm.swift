import Tensors

/// A norm of rows and its parameters.
final class Norm: Sendable {
    /// RMSNorm, or LayerNorm.
    private let centres: Bool
    private let weight: ParameterVector
    private let bias: ParameterVector?
    private let epsilon: Float
    private let width: Int

    /// - Parameter centres: subtracts the mean, as a LayerNorm does.
    init(centres: Bool, weight: [Float], bias: [Float]?, epsilon: Float) {
        (self.centres, self.epsilon, width) = (centres, epsilon, weight.count)
        self.weight = ParameterVector(weight)
        self.bias = bias.map { ParameterVector($0) }
    }

    /// y = the norm of each row of x; both may be the same.
    func apply(to x: MatrixView, into y: MatrixView, pool: WorkerPool) {
        if centres {
            RowOperations.layerNorm(x, weight: weight.pointer, bias: bias?.pointer, epsilon: epsilon, into: y, pool: pool)
        } else {
            RowOperations.rmsNorm(x, weight: weight.pointer, epsilon: epsilon, into: y, pool: pool)
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
