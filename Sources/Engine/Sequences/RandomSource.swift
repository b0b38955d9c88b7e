/// Random numbers that depend only on (seed, choice, step), so that a token's draw is the same in any batch.
///
/// SplitMix64 (Steele, Lea, Flood 2014) finaliser over the three counters.
struct RandomSource {
    private let key: UInt64

    init(seed: UInt64, choice: Int) {
        key = Self.mix(Self.mix(seed) &+ UInt64(choice))
    }

    /// A uniform number in `[0, 1)` with 53 random bits.
    func uniform(step: Int) -> Double {
        Double(Self.mix(key &+ UInt64(step)) >> 11) * 0x1p-53
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
