import Tensors

/// Fraction of variance unexplained (FVU) over a set of rows, as sparsify defines it: `sum |y - y'|^2 / sum |y - mean(y)|^2`, where
/// the mean is over the rows of the set. Rows may be added in any number of portions; sums are kept in f64.
package struct FractionOfVarianceUnexplained {
    private var rows = 0
    private var errorSquares = 0.0
    private var squares = 0.0
    private var sums: [Double]

    package init(width: Int) {
        sums = [Double](repeating: 0, count: width)
    }

    /// Adds rows of the target `[rows, d]` and of its reconstruction.
    package mutating func add(target: MatrixView, reconstruction: MatrixView) {
        for row in 0..<target.rows {
            let y = target.row(row)
            let estimate = reconstruction.row(row)
            for column in 0..<sums.count {
                let value = Double(y[column])
                let error = value - Double(estimate[column])
                errorSquares += error * error
                squares += value * value
                sums[column] += value
            }
        }
        rows += target.rows
    }

    /// Nil while the rows added do not vary, which leaves the fraction undefined.
    package var value: Float? {
        guard rows > 1 else { return nil }
        let variance = squares - sums.reduce(0) { $0 + $1 * $1 } / Double(rows)
        return variance > 0 ? Float(errorSquares / variance) : nil
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
