import Tensors

/// The low-rank update of one projection: `y += scale * B (A x)`.
package final class LoRAUpdate: Sendable {
    /// `[rank, in]`
    package let a: PackedMatrix
    /// `[out, rank]`
    package let b: PackedMatrix
    /// `alpha / rank`, or `alpha / sqrt(rank)` with rsLoRA.
    package let scale: Float

    package init(a: PackedMatrix, b: PackedMatrix, scale: Float) {
        self.a = a
        self.b = b
        self.scale = scale
    }

    package var rank: Int { a.outputs }
    package var byteCount: Int { a.byteCount + b.byteCount }

    /// Adds the update of `x` `[tokens, in]` to `y` `[tokens, out]`, row by row. Strength 0 leaves `y` bit for bit.
    package func apply(x: MatrixView, into y: MatrixView, strength: Float, pool: WorkerPool, workspace: Workspace) {
        let factor = scale * strength
        guard factor != 0, x.rows > 0 else { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let reduced = workspace.matrix(x.rows, rank)
        a.multiply(x, into: reduced, pool: pool, workspace: workspace)
        b.multiply(reduced, into: y, .add(scale: factor), pool: pool, workspace: workspace)
    }
}
