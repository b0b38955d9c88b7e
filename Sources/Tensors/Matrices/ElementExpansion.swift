import Kernels

/// Stored element formats and their expansion to f32. The cases are the formats' own names.
// swift-format-ignore: AlwaysUseLowerCamelCase
package enum ElementExpansion: String, Sendable, CaseIterable {
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case q8_0 = "Q8_0"
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q4_K = "Q4_K"
    case q5_K = "Q5_K"
    case q6_K = "Q6_K"

    /// Elements in one block; 1 for plain floats.
    package var blockElements: Int { resa_element_block(element) }
    /// Bytes of one block.
    package var blockBytes: Int { resa_element_block_bytes(element) }

    /// Expands `count` elements, a multiple of the block. `source` needs no alignment; any bytes give some floats.
    package static func expand(
        _ type: ElementExpansion, from source: UnsafeRawPointer, count: Int, into target: UnsafeMutablePointer<Float>
    ) {
        precondition(count >= 0 && count % type.blockElements == 0, "expand: \(count) elements of \(type.rawValue)")
        resa_expand(type.element, source, count, target)
    }

    /// Whether `count` stored elements, a multiple of the block, are finite numbers: of blocks the scales are looked at.
    package static func areFinite(_ type: ElementExpansion, _ source: UnsafeRawPointer, count: Int) -> Bool {
        resa_elements_are_finite(type.element, source, count)
    }

    var element: resa_element {
        switch self {
        case .f32: RESA_ELEMENT_F32
        case .f16: RESA_ELEMENT_F16
        case .bf16: RESA_ELEMENT_BF16
        case .q8_0: RESA_ELEMENT_Q8_0
        case .q4_0: RESA_ELEMENT_Q4_0
        case .q4_1: RESA_ELEMENT_Q4_1
        case .q5_0: RESA_ELEMENT_Q5_0
        case .q5_1: RESA_ELEMENT_Q5_1
        case .q4_K: RESA_ELEMENT_Q4_K
        case .q5_K: RESA_ELEMENT_Q5_K
        case .q6_K: RESA_ELEMENT_Q6_K
        }
    }
}
