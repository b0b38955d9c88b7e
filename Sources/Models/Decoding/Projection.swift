import Tensors

/// A packed matrix and its bias.
final class Projection: Sendable {
    let matrix: PackedMatrix
    private let bias: ParameterVector?
    /// Of `bias`: reading through an optional object counts references.
    private nonisolated(unsafe) let biasPointer: UnsafePointer<Float>?

    init(_ matrix: PackedMatrix, bias: [Float]? = nil) {
        self.matrix = matrix
        self.bias = bias.map { ParameterVector($0) }
        biasPointer = self.bias?.pointer
    }

    var byteCount: Int { matrix.byteCount }

    /// y = x W^T (+ bias), and the updates of LoRAs.
    func multiply(_ x: MatrixView, into y: MatrixView, adding updates: LowRankSegments, pool: WorkerPool, workspace: Workspace) {
        matrix.multiply(x, into: y, bias: biasPointer, adding: updates, pool: pool, workspace: workspace)
    }

    /// The same of activation(gate) * up, where x holds gate and then up; of activation(x) where it is half as wide.
    func multiplyActivated(
        _ x: MatrixView, _ activation: Activation, into y: MatrixView, adding updates: LowRankSegments, pool: WorkerPool,
        workspace: Workspace
    ) {
        matrix.multiplyActivated(x, activation, into: y, bias: biasPointer, adding: updates, pool: pool, workspace: workspace)
    }
}
