import Kernels

/// How one weight matrix is held in memory.
package enum MatrixFormat: Sendable, Hashable, CustomStringConvertible {
    case f32, bf16
    case quantised(QuantisedFormat)

    package init(_ format: FloatFormat) {
        switch format {
        case .f32: self = .f32
        case .bf16: self = .bf16
        }
    }

    /// Bytes of a packed matrix [outputs, inputs].
    package func byteCount(outputs: Int, inputs: Int) -> Int {
        switch self {
        case .f32: outputs * inputs * 4
        case .bf16: resa_packed_count(outputs, inputs) * 2
        case .quantised(let format): format.byteCount(outputs: outputs, inputs: inputs)
        }
    }

    package var description: String {
        switch self {
        case .f32: "f32"
        case .bf16: "bf16"
        case .quantised(let format): format.description
        }
    }
}

/// How weights that are not quantised are held in memory.
package enum FloatFormat: String, Sendable, CaseIterable {
    case f32, bf16
}
