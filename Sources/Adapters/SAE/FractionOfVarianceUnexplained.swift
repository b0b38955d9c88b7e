import Tensors

/// Fraction of variance unexplained (FVU) over a set of rows, as sparsify defines it: `sum |y - y'|^2 / sum |y - mean(y)|^2`, where
/// the mean is over the rows of the set. Rows may be added in any number of portions; sums are kept in f64.
package struct FractionOfVarianceUnexplained: Sendable {
    package private(set) var rows = 0
    private var errorSquares = 0.0
    private var squares = 0.0
    private var sums: [Double]

    package init(width: Int) {
        sums = [Double](repeating: 0, count: width)
    }

    init(_ other: VarianceSums) {
        rows = other.rows
        errorSquares = other.errorSquares
        squares = other.squares
        sums = Array(UnsafeBufferPointer(start: other.sums, count: other.width))
    }

    /// Adds rows of the target `[rows, d]` and of its reconstruction.
    package mutating func add(target: MatrixView, reconstruction: MatrixView) {
        sums.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var portion = VarianceSums(width: buffer.count, sums: base)
            for row in 0..<target.rows { portion.add(target: target.row(row), reconstruction: reconstruction.row(row)) }
            errorSquares += portion.errorSquares
            squares += portion.squares
        }
        rows += target.rows
    }

    /// Adds the rows of another set.
    package mutating func add(_ other: FractionOfVarianceUnexplained) {
        rows += other.rows
        errorSquares += other.errorSquares
        squares += other.squares
        for column in 0..<min(sums.count, other.sums.count) { sums[column] += other.sums[column] }
    }

    /// Nil while the rows added do not vary, which leaves the fraction undefined.
    package var value: Float? {
        guard rows > 1 else { return nil }
        let variance = squares - sums.reduce(0) { $0 + $1 * $1 } / Double(rows)
        return variance > 0 ? Float(errorSquares / variance) : nil
    }
}

/// The sums an FVU is made of, in memory that somebody else owns: adding a row allocates nothing.
struct VarianceSums: BitwiseCopyable {
    let width: Int
    /// `[width]`
    let sums: UnsafeMutablePointer<Double>
    private(set) var rows = 0
    private(set) var errorSquares = 0.0
    private(set) var squares = 0.0

    init(width: Int, sums: UnsafeMutablePointer<Double>) {
        self.width = width
        self.sums = sums
    }

    @inline(__always)
    mutating func add(target: UnsafePointer<Float>, reconstruction: UnsafePointer<Float>) {
        for column in 0..<width {
            let value = Double(target[column])
            let error = value - Double(reconstruction[column])
            errorSquares += error * error
            squares += value * value
            sums[column] += value
        }
        rows += 1
    }
}

/// The same for a single token, whose own mean says nothing: `|y - y'|^2 / |y - b_dec|^2`, with the SAE's decoder bias, its estimate
/// of the mean, in place of the mean of a set. So it depends on this row alone. Nil when the row equals the bias.
/// - Parameter scale: brings the bias to the units of the row.
func rowFVU(
    target: UnsafePointer<Float>, reconstruction: UnsafePointer<Float>, mean: UnsafePointer<Float>, scale: InputNormalisation.Scale,
    width: Int
) -> Float? {
    var error: Float = 0
    var variance: Float = 0
    for column in 0..<width {
        let lost = target[column] - reconstruction[column]
        let centred = target[column] - (mean[column] * scale.factor + scale.shift)
        error += lost * lost
        variance += centred * centred
    }
    return variance > 0 ? error / variance : nil
}
