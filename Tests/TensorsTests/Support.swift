import Tensors
import TestRandomness
import Testing

extension SeededRandom {
    /// A matrix with random elements and a row stride larger than its width.
    mutating func matrix(_ rows: Int, _ columns: Int, _ range: ClosedRange<Float> = -1...1) -> Matrix {
        let matrix = Matrix(rows, columns)
        for row in 0..<rows { for column in 0..<columns { matrix.view[row, column] = Float.random(in: range, using: &self) } }
        return matrix
    }
}

/// An owned matrix for tests; cells between rows hold a guard value.
final class Matrix {
    static let guardValue: Float = 12345
    private let buffer: AlignedBuffer<Float>
    let view: MatrixView

    init(_ rows: Int, _ columns: Int) {
        let stride = columns + 3
        buffer = AlignedBuffer(count: rows * stride)
        buffer.buffer.update(repeating: Self.guardValue)
        view = MatrixView(pointer: buffer.pointer, rows: rows, columns: columns, stride: stride)
        view.fill(0)
    }

    convenience init(copying view: MatrixView) {
        self.init(view.rows, view.columns)
        self.view.copy(from: view)
    }

    var elements: [Float] { view.elements }

    /// Whether nothing wrote between the rows.
    var guardsHold: Bool {
        (0..<view.rows).allSatisfy { row in
            (view.columns..<view.stride).allSatisfy { (view.pointer + row * view.stride)[$0] == Self.guardValue }
        }
    }
}

/// Expects equal bits: -0 differs from 0, and NaN equals itself. Names the first difference rather than printing both arrays.
func expectSameBits(_ got: [Float], _ wanted: [Float], _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) {
    #expect(got.count == wanted.count, comment, sourceLocation: location)
    let firstDifference = zip(got, wanted).enumerated().first { $1.0.bitPattern != $1.1.bitPattern }
    #expect(firstDifference == nil, comment, sourceLocation: location)
}

extension PackedMatrix {
    /// W [outputs, inputs] from an array.
    convenience init(_ format: MatrixFormat, outputs: Int, inputs: Int, weights: [Float], pool: WorkerPool) throws {
        try self.init(format: format, outputs: outputs, inputs: inputs, pool: pool) { range, rows in
            for (offset, element) in weights[range.lowerBound * inputs..<range.upperBound * inputs].enumerated() { rows[offset] = element }
        }
    }
}

extension MatrixFormat {
    static let quantisedFormats: [MatrixFormat] = [
        QuantisedFormat.int8Group32, .int8Group32Minima, .int8TwoLevel, .int8Group64Rotated, .int8Group128Rotated, .int4Group32,
        .int4Group32Minima, .int4TwoLevel,
    ].map { .quantised($0) }
    static let all = [.f32, .bf16] + quantisedFormats
}
