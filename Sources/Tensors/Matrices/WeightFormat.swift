import Kernels

/// How a model's weights are to be held in memory: what the user chooses. Which matrix then gets which `MatrixFormat` is decided per role.
package enum WeightFormat: String, Sendable, CaseIterable {
    case f32, bf16, int8, int4

    /// How adapters of such a model are held, unless the user says otherwise: no less exactly than its own weights.
    package var adapterFormat: AdapterFormat {
        switch self {
        case .f32: .f32
        case .bf16: .bf16
        case .int8, .int4: .int8
        }
    }
}

/// How adapters are held in memory: what the user chooses.
package enum AdapterFormat: String, Sendable, CaseIterable {
    case f32, bf16, int8

    /// How everything but the factors of LoRAs is held.
    package var floats: FloatFormat { self == .f32 ? .f32 : .bf16 }

    /// The format of a LoRA's factor `[outputs, inputs]`. int8 has the groups of an int8 model's weights, so that both take the same
    /// activations; where padding to whole groups and panels would eat up what it saves (ranks up to 16), bf16.
    package func factor(outputs: Int, inputs: Int) -> MatrixFormat {
        guard self == .int8 else { return MatrixFormat(floats) }
        let int8 = MatrixFormat.quantised(.int8Rotated(inputs: inputs))
        return int8.byteCount(outputs: outputs, inputs: inputs) < MatrixFormat.bf16.byteCount(outputs: outputs, inputs: inputs)
            ? int8 : .bf16
    }
}
