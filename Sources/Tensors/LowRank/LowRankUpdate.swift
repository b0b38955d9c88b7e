import Kernels

/// A low-rank update `y += scale * B (A x)` as the loops of a step see it, with DoRA's magnitudes `y += strength * gain * (y - bias)` before it
/// where it has them: plain memory, whose matrices somebody else keeps alive.
package struct LowRankUpdate: BitwiseCopyable {
    let kernel: resa_lora

    /// `gain` and `bias`, `[outputs]` each.
    package typealias Magnitudes = (gain: UnsafePointer<Float>, bias: UnsafePointer<Float>, strength: Float)

    /// `a` is `[rank, inputs]`, `b` `[outputs, rank]`; they and the magnitudes must outlive every use of the update.
    package init(a: PackedMatrix, b: PackedMatrix, scale: Float, magnitudes: Magnitudes? = nil) {
        precondition(a.outputs == b.inputs, "LowRankUpdate: [\(b.outputs), \(b.inputs)] by [\(a.outputs), \(a.inputs)]")
        kernel = resa_lora(
            a: Self.factor(a), b: Self.factor(b), scale: scale, gain: magnitudes?.gain, bias: magnitudes?.bias,
            strength: magnitudes?.strength ?? 0)
    }

    var inputs: Int { kernel.a.inputs }
    var outputs: Int { kernel.b.outputs }

    private static func factor(_ matrix: PackedMatrix) -> resa_lora_factor {
        let kind: resa_lora_kind
        var format = QuantisedFormat.int8Group32.kernel
        switch matrix.format {
        case .f32: kind = RESA_LORA_F32
        case .bf16: kind = RESA_LORA_BF16
        case .quantised(let own): (kind, format) = (RESA_LORA_QUANTISED, own.kernel)
        }
        return resa_lora_factor(
            kind: kind, format: format, factor: matrix.factor, outputs: matrix.outputs, inputs: matrix.inputs,
            weights: UnsafeRawPointer(matrix.storage.pointer))
    }
}

/// What is added to the product of some rows: updates, one after the other, at columns from `column` on.
package struct LowRankSegment: BitwiseCopyable {
    let firstRow: Int
    let rows: Int
    let column: Int
    let updates: UnsafePointer<LowRankUpdate>
    let count: Int

    /// `count` updates of equal shape; borrowed.
    package init(firstRow: Int, rows: Int, column: Int, updates: UnsafePointer<LowRankUpdate>, count: Int) {
        (self.firstRow, self.rows, self.column, self.updates, self.count) = (firstRow, rows, column, updates, count)
    }

    /// Jobs its rows are cut into, for each update.
    var blocks: Int { (rows + Int(RESA_LORA_ROWS) - 1) / Int(RESA_LORA_ROWS) }
}

/// The segments of one product, borrowed.
package typealias LowRankSegments = UnsafeBufferPointer<LowRankSegment>

extension LowRankSegments {
    /// Rows that are the base model's alone.
    package static var none: LowRankSegments { LowRankSegments(start: nil, count: 0) }
}
