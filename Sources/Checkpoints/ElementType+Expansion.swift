import Tensors

/// The seam to the kernels that turn stored elements into f32.
extension ElementType {
    /// Whether `expand` can turn this type into f32.
    package var isExpandable: Bool { kernel != nil }

    /// The names of all expandable types, for error messages.
    package static var expandableNames: String {
        allCases.filter(\.isExpandable).map(\.rawValue).joined(separator: ", ")
    }

    /// Nil for types that can only be listed.
    package var kernel: ElementExpansion? {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .q8_0: .q8_0
        case .q4_0: .q4_0
        case .q4_1: .q4_1
        case .q5_0: .q5_0
        case .q5_1: .q5_1
        case .q4K: .q4_K
        case .q5K: .q5_K
        case .q6K: .q6_K
        default: nil
        }
    }
}
