import Kernels

/// What a feed-forward layer applies to each element, of its gate or of its only projection.
package enum Activation: String, Sendable, CaseIterable {
    /// x / (1 + exp(-x)), also called swish.
    case silu
    /// x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016).
    case gelu
    /// Its approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    case geluTanh

    var kernel: resa_activation {
        switch self {
        case .silu: RESA_SILU
        case .gelu: RESA_GELU
        case .geluTanh: RESA_GELU_TANH
        }
    }
}

/// Rows of what an activation is applied to: gate and up side by side [M, 2 width], or a single projection [M, width].
struct ActivationInput {
    let rows: MatrixView
    let kernel: resa_activation
    let width: Int
    private let isGated: Bool

    init(_ rows: MatrixView, _ activation: Activation, width: Int) {
        precondition(
            rows.columns == 2 * width || rows.columns == width,
            "activation: \(rows.columns) columns for \(width), want \(2 * width) with a gate or \(width) without")
        (self.rows, kernel, self.width, isGated) = (rows, activation.kernel, width, rows.columns != width)
    }

    func gate(_ row: Int) -> UnsafeMutablePointer<Float> { rows.row(row) }

    /// nil without a gate.
    func up(_ row: Int) -> UnsafeMutablePointer<Float>? { isGated ? rows.row(row) + width : nil }
}
