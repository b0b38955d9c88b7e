import Kernels

/// Immutable weights W [outputs, inputs] for y = x W^T.
///
/// bf16: panels of 64 output columns (the last one a multiple of 16), pairs of k together: [k / 2][column][2]. x is rounded to bf16
/// (nearest even) and products are summed in f32 in one chain per output over ascending k, whatever the number of rows, the tile or the
/// thread. f32: row-major, through OpenBLAS in tiles of one constant shape. Quantised: panels of 32 output columns, codes beside their
/// scales; x is quantised per row and group, sums are exact inside a group and one chain in f32 across groups.
package final class PackedMatrix: Sendable {
    package let format: MatrixFormat
    package let outputs: Int
    package let inputs: Int
    /// What every stored weight of a quantised matrix is multiplied with; 1 in other formats.
    package let factor: Float
    /// Written before the matrix is made, never after.
    package let storage: WeightStorage

    /// Weights that `storage` already holds packed, exactly `format.byteCount(outputs:inputs:)` bytes of them.
    package init(format: MatrixFormat, outputs: Int, inputs: Int, factor: Float = 1, storage: WeightStorage) {
        precondition(outputs >= 0 && inputs >= 0, "PackedMatrix: negative shape [\(outputs), \(inputs)]")
        precondition(storage.byteCount == format.byteCount(outputs: outputs, inputs: inputs), "PackedMatrix: \(storage.byteCount) bytes")
        (self.format, self.outputs, self.inputs, self.factor, self.storage) = (format, outputs, inputs, factor, storage)
    }

    /// Bytes of the stored weights.
    package var byteCount: Int { storage.byteCount }

    /// Row `index` of W as f32, the exact stored values: embedding look-ups and decoder rows.
    package func copyRow(_ index: Int, into target: UnsafeMutablePointer<Float>) {
        precondition(index >= 0 && index < outputs, "PackedMatrix: row \(index) of \(outputs)")
        switch format {
        case .f32: target.update(from: floats + index * inputs, count: inputs)
        case .bf16: resa_unpack_row(outputs, inputs, index, panels, target)
        case .quantised(let format): resa_quant_unpack_row(format.kernel, outputs, inputs, factor, index, storage.pointer, target)
        }
    }

    /// Of a quantised matrix: whether every scale, and with it every weight, is zero. Minima count as something.
    package var hasOnlyZeroScales: Bool {
        guard case .quantised(let format) = format else { return false }
        return resa_quant_is_zero(format.kernel, outputs, inputs, storage.pointer)
    }

    var floats: UnsafePointer<Float> { UnsafePointer(storage.pointer.assumingMemoryBound(to: Float.self)) }
    var panels: UnsafePointer<UInt16> { UnsafePointer(storage.pointer.assumingMemoryBound(to: UInt16.self)) }
}
