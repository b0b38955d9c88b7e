/// How weights that are not quantised are held in memory.
package enum FloatFormat: String, Sendable, CaseIterable {
    case f32, bf16
}
