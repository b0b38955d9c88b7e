import Foundation
import Tensors

/// The low-rank update of one projection: `y += scale * B (A x)`, after DoRA's magnitudes where it has them.
package final class LoRAUpdate: Sendable {
    /// `[rank, in]`
    package let a: PackedMatrix
    /// `[out, rank]`
    package let b: PackedMatrix
    /// `alpha / rank`, or `alpha / sqrt(rank)` with rsLoRA.
    package let scale: Float
    /// B's rows are multiplied by their factors.
    package let magnitudes: DoRAMagnitudes?
    /// A factor is zero in every element, so whatever comes in, nothing is added; and no row's length changes.
    package let doesNothing: Bool

    package init(a: PackedMatrix, b: PackedMatrix, scale: Float, magnitudes: DoRAMagnitudes? = nil) {
        self.a = a
        self.b = b
        self.scale = scale
        self.magnitudes = magnitudes
        doesNothing = (scale == 0 || Self.isZero(b) || Self.isZero(a)) && magnitudes?.doNothing ?? true
    }

    package var rank: Int { a.outputs }
    package var byteCount: Int {
        a.byteCount + b.byteCount + (magnitudes == nil ? 0 : DoRAMagnitudes.byteCount(outputs: b.outputs))
    }

    /// What a step adds; valid as long as the update lives. Nil for strength 0 and for an update that does nothing: they leave what they are
    /// added to bit for bit. With magnitudes a strength t stands for the weights `W + t (W' - W)`, W' being those of DoRA.
    package func borrowed(strength: Float) -> LowRankUpdate? {
        let factor = scale * strength
        if doesNothing || strength == 0 || (factor == 0 && magnitudes == nil) { return nil }
        return LowRankUpdate(
            a: a, b: b, scale: factor,
            magnitudes: magnitudes.map { (UnsafePointer($0.gain.pointer), UnsafePointer($0.bias.pointer), strength) })
    }

    /// Stored zeros are zero bytes in every float format; -0 counts as something.
    private static func isZero(_ matrix: PackedMatrix) -> Bool {
        if case .quantised = matrix.format { return matrix.hasOnlyZeroScales }
        let bytes = matrix.storage.pointer
        let count = matrix.storage.byteCount
        guard count > 0 else { return true }
        return bytes.load(as: UInt8.self) == 0 && memcmp(bytes, bytes + 1, count - 1) == 0
    }
}
