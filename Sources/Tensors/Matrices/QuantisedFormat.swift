import Kernels

/// Integer codes with a scale for every `group` inputs of an output: `weight = (code - zero) * scale`, or `code * scale + minimum`.
/// The layout and the arithmetic stand in `resa_quantised.h`.
package struct QuantisedFormat: Sendable, Hashable, CustomStringConvertible {
    package enum Scales: Sendable, Hashable {
        /// An f16 scale (and an f16 minimum) per group.
        case flat
        /// An f16 super-scale and super-minimum per 256 inputs, and a u8 share of each per group. Always with minima, in groups of 32.
        case twoLevel
    }

    /// 4 or 8.
    package let bits: Int
    /// Inputs that share a scale: 32, 64 or 128.
    package let group: Int
    package let scales: Scales
    /// Whether weights have an offset beside their scale.
    package let minima: Bool
    /// Whether weights and activations are turned by a Hadamard transform inside each group, which spreads outliers over the group.
    package let rotated: Bool

    /// Nil when the kernels have no such format.
    package init?(bits: Int, group: Int, scales: Scales = .flat, minima: Bool = false, rotated: Bool = false) {
        guard let small = UInt8(exactly: bits), let width = UInt8(exactly: group) else { return nil }
        (self.bits, self.group, self.scales, self.rotated) = (bits, group, scales, rotated)
        self.minima = minima || scales == .twoLevel
        let kernel = resa_quant_format(
            bits: small, group: width, minima: self.minima, twoLevel: scales == .twoLevel, rotated: rotated)
        guard resa_quant_supported(kernel) else { return nil }
    }

    private init(_ bits: Int, _ group: Int, _ scales: Scales = .flat, minima: Bool = false, rotated: Bool = false) {
        (self.bits, self.group, self.scales, self.minima, self.rotated) = (bits, group, scales, minima, rotated)
    }

    /// 8 bits, scales per 32 inputs: holds Q8_0 and Q5_0.
    package static let int8Group32 = QuantisedFormat(8, 32)
    /// 8 bits, scales and minima per 32 inputs: holds Q5_1.
    package static let int8Group32Minima = QuantisedFormat(8, 32, minima: true)
    /// 8 bits, two-level scales: holds Q5_K.
    package static let int8TwoLevel = QuantisedFormat(8, 32, .twoLevel, minima: true)
    /// 8 bits, scales per 64 inputs, turned.
    package static let int8Group64Rotated = QuantisedFormat(8, 64, rotated: true)
    /// 8 bits, scales per 128 inputs, turned.
    package static let int8Group128Rotated = QuantisedFormat(8, 128, rotated: true)
    /// 8 bits, turned, in the widest groups that need no padding: fewer scales, and a wider transform.
    package static func int8Rotated(inputs: Int) -> QuantisedFormat {
        inputs % 128 == 0 ? .int8Group128Rotated : inputs > 32 ? .int8Group64Rotated : QuantisedFormat(8, 32, rotated: true)
    }
    /// 4 bits, scales per 32 inputs: holds Q4_0.
    package static let int4Group32 = QuantisedFormat(4, 32)
    /// 4 bits, scales and minima per 32 inputs: holds Q4_1.
    package static let int4Group32Minima = QuantisedFormat(4, 32, minima: true)
    /// 4 bits, two-level scales: holds Q4_K.
    package static let int4TwoLevel = QuantisedFormat(4, 32, .twoLevel, minima: true)

    /// For example `int8 g64 rotated` or `int4 g32 two-level`.
    package var description: String {
        "int\(bits) g\(group)" + (scales == .twoLevel ? " two-level" : minima ? " with minima" : "") + (rotated ? " rotated" : "")
    }

    /// Bytes of a packed matrix [outputs, inputs].
    func byteCount(outputs: Int, inputs: Int) -> Int { resa_quant_bytes(kernel, outputs, inputs) }

    /// Whether blocks of `type` can be repacked to this format with every value kept (a zero may change its sign).
    package func holds(_ type: ElementExpansion) -> Bool { resa_search_holds(kernel, type.element) }

    /// The format with the fewest bits that holds blocks of all of `types`, unchanged; nil when there is none.
    package static func holding(_ types: some Collection<ElementExpansion>) -> QuantisedFormat? {
        types.isEmpty ? nil : exact.first { format in types.allSatisfy(format.holds) }
    }

    /// The formats that blocks of GGUF files fit into, those with fewer bytes first.
    package static let exact: [QuantisedFormat] = [
        .int4Group32, .int4TwoLevel, .int4Group32Minima, .int8Group32, .int8TwoLevel, .int8Group32Minima,
    ]

    var kernel: resa_quant_format {
        resa_quant_format(
            bits: UInt8(bits), group: UInt8(group), minima: minima, twoLevel: scales == .twoLevel, rotated: rotated)
    }
}
