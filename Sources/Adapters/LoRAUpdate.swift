import Foundation
import Tensors

/// The low-rank update of one projection: `y += scale * B (A x)`.
package final class LoRAUpdate: Sendable {
    /// `[rank, in]`
    package let a: PackedMatrix
    /// `[out, rank]`
    package let b: PackedMatrix
    /// `alpha / rank`, or `alpha / sqrt(rank)` with rsLoRA.
    package let scale: Float
    /// A factor is zero in every element, so whatever comes in, nothing is added.
    package let doesNothing: Bool

    package init(a: PackedMatrix, b: PackedMatrix, scale: Float) {
        self.a = a
        self.b = b
        self.scale = scale
        doesNothing = scale == 0 || Self.isZero(b) || Self.isZero(a)
    }

    package var rank: Int { a.outputs }
    package var byteCount: Int { a.byteCount + b.byteCount }

    /// Adds the update of `x` `[tokens, in]` to `y` `[tokens, out]`, row by row. Strength 0, and an update that
    /// does nothing, leave `y` bit for bit.
    package func apply(x: MatrixView, into y: MatrixView, strength: Float, pool: WorkerPool, workspace: Workspace) {
        let factor = scale * strength
        guard factor != 0, !doesNothing, x.rows > 0 else { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let reduced = workspace.matrix(x.rows, rank)
        a.multiply(x, into: reduced, pool: pool, workspace: workspace)
        b.multiply(reduced, into: y, .add(scale: factor), pool: pool, workspace: workspace)
    }

    /// Stored zeros are zero bytes in every float format; -0 counts as something.
    private static func isZero(_ matrix: PackedMatrix) -> Bool {
        let bytes = matrix.storage.pointer
        let count = matrix.storage.byteCount
        guard count > 0 else { return true }
        return bytes.load(as: UInt8.self) == 0 && memcmp(bytes, bytes + 1, count - 1) == 0
    }
}
