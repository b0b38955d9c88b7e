/// The generator behind every random choice of a load test: the same numbers for the same seed on every machine.
/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// The generator of one purpose and one request, so that what a request asks does not depend on the order in which requests ended.
    package init(seed: UInt64, purpose: Purpose, index: Int) {
        var mixer = SplitMix64(seed: seed ^ (purpose.rawValue &* 0xD1B5_4A32_D192_ED03))
        state = mixer.next() &+ UInt64(bitPattern: Int64(index)) &* 0xA24B_AED4_963E_E407
        state = next()
    }

    package enum Purpose: UInt64, Sendable {
        case arrivals = 1
        case adapter
        case prompt
        case prefix
        case prefixChoice
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    package mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
