import Tensors

/// A matrix `[rows, width]` stored row after row, for sums of few rows: an SAE's decoder. A packed matrix would spread a row over
/// many cache lines.
final class RowTable: Sendable {
    let rows: Int
    let width: Int
    let format: FloatFormat
    /// Exactly one of the two holds the elements.
    private let single: AlignedBuffer<Float>
    private let brain: AlignedBuffer<UInt16>

    /// `fill` writes some rows as f32, row-major; they are rounded to the format (to nearest, ties to even).
    init(
        rows: Int, width: Int, format: FloatFormat, fill: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        self.rows = rows
        self.width = width
        self.format = format
        single = AlignedBuffer(count: format == .f32 ? rows * width : 0)
        brain = AlignedBuffer(count: format == .bf16 ? rows * width : 0)
        switch format {
        case .f32: try fill(0..<rows, single.pointer)
        case .bf16:
            let step = max(1, (1 << 18) / max(width, 1))
            let scratch = AlignedBuffer<Float>(count: step * width)
            var start = 0
            while start < rows {
                let range = start..<min(start + step, rows)
                try fill(range, scratch.pointer)
                let destination = brain.pointer + start * width
                for index in 0..<range.count * width { destination[index] = Self.rounded(scratch.pointer[index]) }
                start = range.upperBound
            }
        }
    }

    var byteCount: Int { rows * width * (format == .f32 ? 4 : 2) }

    /// The row as f32, exactly as stored.
    func copyRow(_ index: Int, into destination: UnsafeMutablePointer<Float>) {
        switch format {
        case .f32: destination.update(from: single.pointer + index * width, count: width)
        case .bf16: expand(index, into: destination)
        }
    }

    /// `destination += sum_i factors[i] * row indices[i]`, in that order, leaving out factors of 0.
    func add(
        _ indices: UnsafePointer<Int32>, factors: UnsafePointer<Float>, count: Int, to destination: UnsafeMutablePointer<Float>,
        on tier: InstructionSet
    ) {
        let elements = format == .f32 ? UnsafeRawPointer(single.pointer) : UnsafeRawPointer(brain.pointer)
        RowOperations.addRows(
            elements, format: format, width: width, indices: indices, factors: factors, count: count, to: destination, on: tier)
    }

    private func expand(_ index: Int, into destination: UnsafeMutablePointer<Float>) {
        ElementExpansion.expand(.bf16, from: brain.pointer + index * width, count: width, into: destination)
    }

    private static func rounded(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
    }
}
