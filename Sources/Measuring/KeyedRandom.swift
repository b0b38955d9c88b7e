/// Seeds of independent random streams of one run, none of which has a state: every draw follows from the run's seed and a counter.
package enum KeyedRandom {
    package enum Stream: UInt64 {
        case parameters = 1
        case dropout
        case order
        case latents
        case probe
    }

    /// The key of stream number `index`, by SplitMix64's finaliser.
    package static func key(_ seed: UInt64, _ stream: Stream, _ index: Int) -> UInt64 {
        var x = mix(seed &+ stream.rawValue &* 0x9E37_79B9_7F4A_7C15)
        x = mix(x &+ UInt64(truncatingIfNeeded: index) &* 0xD1B5_4A32_D192_ED03)
        return x
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var x = value &+ 0x9E37_79B9_7F4A_7C15
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }

    /// A permutation of 0..<count (Fisher and Yates).
    package static func permutation(_ count: Int, key: UInt64) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            // The high half of a product: uniform but for at most count / 2^64.
            let draw = Int(mix(key &+ UInt64(last) &* 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: UInt64(last + 1)).high)
            order.swapAt(last, draw)
        }
        return order
    }
}
