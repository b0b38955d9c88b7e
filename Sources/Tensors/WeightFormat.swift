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
