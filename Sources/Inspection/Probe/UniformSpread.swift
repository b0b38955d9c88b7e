import Measuring

/// Whether counts are spread over places more unevenly than chance has it: a permutation test of the chi-square against a uniform spread, in
/// which each of the things counted goes to any place with equal chance.
package struct UniformSpread: Sendable, Equatable {
    /// Sum over places of `(count - mean)^2 / mean`.
    package let chiSquare: Double
    package let p: Double

    /// Nil where there is one place only, or nothing was counted.
    package init?(counts: [Int], permutations: Int, seed: UInt64) {
        let total = counts.reduce(0, +)
        guard counts.count > 1, total > 0 else { return nil }
        let mean = Double(total) / Double(counts.count)
        func statistic(_ counts: [Int]) -> Double {
            counts.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) / mean }
        }
        chiSquare = statistic(counts)
        var random = ProbeRandom(seed: seed, stream: .uniformSpread, index: 0)
        var asLarge = 1
        for _ in 0..<permutations where statistic(random.uniformSpread(total, over: counts.count)) >= chiSquare - 1e-9 * max(1, chiSquare) {
            asLarge += 1
        }
        p = Double(asLarge) / Double(permutations + 1)
    }
}

/// The random numbers of a probe, the same for the same seed on every machine.
struct ProbeRandom {
    /// What they are drawn for.
    enum Stream: Int {
        case uniformSpread, layerMixture, layerScores, windows, places, tokens, controlTokens, swaps
    }

    private let key: UInt64
    private var count = 0

    init(seed: UInt64, stream: Stream, index: Int) { key = Self.key(seed: seed, stream: stream, index: index) }

    static func key(seed: UInt64, stream: Stream, index: Int) -> UInt64 {
        KeyedRandom.key(KeyedRandom.key(seed, .probe, stream.rawValue), .probe, index)
    }

    /// 0..<bound, uniform but for at most bound / 2^64.
    mutating func below(_ bound: Int) -> Int {
        count += 1
        return Int(KeyedRandom.key(key, .probe, count).multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// How many of `total` things fall on each of `places`, every one on any with equal chance.
    mutating func uniformSpread(_ total: Int, over places: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: places)
        for _ in 0..<total { counts[below(places)] += 1 }
        return counts
    }
}
