/// How a model's weights are to be held in memory: what the user chooses. Which matrix then gets which `MatrixFormat` is decided per role.
package enum WeightFormat: String, Sendable, CaseIterable {
    case f32, bf16, int8, int4

    /// How adapters of such a model are held: they are small, and made for exact arithmetic.
    package var adapterFormat: FloatFormat { self == .f32 ? .f32 : .bf16 }
}
