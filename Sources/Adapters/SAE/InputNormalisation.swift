import Tensors

/// What an SAE does to a row before it encodes it, and undoes after it decoded. Source: SAELens's `normalize_activations`.
enum InputNormalisation: String, Sendable, CaseIterable {
    case none
    /// `u = x * sqrt(d) / |x|`
    case constantNorm = "constant_norm_rescale"
    /// `u = (x - mean) / (deviation + 1e-5)`, undone by `y * deviation + mean`; the deviation is the unbiased one.
    case layer = "layer_norm"

    /// How one row is brought to the SAE's scale, and how what the SAE makes of it is brought back.
    struct Scale {
        /// `u = (x - shift) / divisor`
        var shift: Float = 0
        var divisor: Float = 1
        /// `y * factor + shift`
        var factor: Float = 1
    }

    /// Sums are kept in f64, one after the other: the same on every tier.
    func scale(of row: UnsafePointer<Float>, width: Int) -> Scale {
        switch self {
        case .none: return Scale()
        case .constantNorm:
            var squares = 0.0
            for column in 0..<width { squares += Double(row[column]) * Double(row[column]) }
            let factor = Float((squares / Double(width)).squareRoot())
            return Scale(shift: 0, divisor: factor, factor: factor)
        case .layer:
            var sum = 0.0
            for column in 0..<width { sum += Double(row[column]) }
            let mean = sum / Double(width)
            var squares = 0.0
            for column in 0..<width { squares += (Double(row[column]) - mean) * (Double(row[column]) - mean) }
            let deviation = Float((squares / Double(max(width - 1, 1))).squareRoot())
            return Scale(shift: Float(mean), divisor: deviation + 1e-5, factor: deviation)
        }
    }

    /// Writes `(x - shift) / divisor`; a row of zeros, which has no norm, stays one.
    func apply(to row: UnsafePointer<Float>, width: Int, into destination: UnsafeMutablePointer<Float>) {
        let scale = scale(of: row, width: width)
        for column in 0..<width { destination[column] = scale.divisor == 0 ? 0 : (row[column] - scale.shift) / scale.divisor }
    }
}
