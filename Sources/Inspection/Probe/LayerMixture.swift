import Foundation
import Measuring

/// A mixture of Gaussians over layers fitted to counts at hookpoints, beside what the same fit makes of counts that mean nothing.
///
/// A mixture with a few components bends itself to almost any counts, so that a good fit by itself says nothing. The null draws the same number of
/// things, each at any hookpoint with equal chance, and fits them in the same way, as often as is asked for.
package struct LayerMixture: Sendable, Equatable {
    package let mixture: GaussianMixture
    /// The share of the things that the mixture expects at each hookpoint.
    package let shares: [Double]
    /// How much of the counts the mixture covers: the sum over hookpoints of the smaller of the two shares, 0...1.
    package let overlap: Figure
    /// Mean log-likelihood ratio of a thing against a uniform spread, in nats.
    package let gain: Figure

    /// A figure of the fit beside the fits to uniform spreads.
    package struct Figure: Sendable, Equatable {
        package let observed: Double
        package let nullMean: Double
        /// The largest but for a twentieth of the draws.
        package let null95: Double
        /// Share of the draws, the observed one among them, that reach it.
        package let p: Double

        init(observed: Double, null: [Double]) {
            self.observed = observed
            nullMean = null.reduce(0, +) / Double(max(1, null.count))
            let sorted = null.sorted()
            null95 = sorted.isEmpty ? observed : sorted[min(sorted.count - 1, Int((0.95 * Double(sorted.count)).rounded(.up)) - 1)]
            p = Double(1 + null.count { $0 >= observed - 1e-12 }) / Double(null.count + 1)
        }
    }

    /// Nil where nothing was counted, or where there are not more layers than components.
    /// - Parameters:
    ///   - layers: of the hookpoints, in the order of `counts`.
    ///   - permutations: draws of the null, 1 at least.
    package init?(counts: [Int], layers: [Int], components: Int, permutations: Int, seed: UInt64) {
        let total = counts.reduce(0, +)
        guard total > 0, Set(layers).count > components, permutations > 0 else { return nil }
        let places = layers.map(Double.init)
        mixture = GaussianMixture(counts: counts, at: places, components: components)
        shares = mixture.shares(at: places)
        var random = ProbeRandom(seed: seed, stream: .layerMixture, index: 0)
        var nullOverlap: [Double] = []
        var nullGain: [Double] = []
        for _ in 0..<permutations {
            let drawn = random.uniformSpread(total, over: counts.count)
            let expected = GaussianMixture(counts: drawn, at: places, components: components).shares(at: places)
            nullOverlap.append(Self.overlap(drawn, expected))
            nullGain.append(Self.gain(drawn, expected))
        }
        overlap = Figure(observed: Self.overlap(counts, shares), null: nullOverlap)
        gain = Figure(observed: Self.gain(counts, shares), null: nullGain)
    }

    static func overlap(_ counts: [Int], _ shares: [Double]) -> Double {
        let total = Double(counts.reduce(0, +))
        return zip(counts, shares).reduce(0) { $0 + min(Double($1.0) / total, $1.1) }
    }

    static func gain(_ counts: [Int], _ shares: [Double]) -> Double {
        let total = Double(counts.reduce(0, +))
        return zip(counts, shares).reduce(0) { sum, pair in
            pair.0 == 0 ? sum : sum + Double(pair.0) / total * log(max(pair.1, .leastNormalMagnitude) * Double(counts.count))
        }
    }
}

/// Whether a number of each hookpoint goes with another, say counts of latents with the scores of adapters that were tuned there: Pearson's
/// correlation, and how often one as far from 0 comes of giving the scores to the hookpoints at random.
package struct LayerCorrelation: Sendable, Equatable {
    package let r: Double
    package let p: Double

    /// Nil for fewer than three pairs, or where either side is constant.
    package init?(_ a: [Double], _ b: [Double], permutations: Int, seed: UInt64) {
        precondition(a.count == b.count)
        guard a.count > 2, let r = Self.pearson(a, b) else { return nil }
        self.r = r
        var asLarge = 1
        for draw in 0..<permutations {
            let order = KeyedRandom.permutation(b.count, key: ProbeRandom.key(seed: seed, stream: .layerScores, index: draw))
            if let other = Self.pearson(a, order.map { b[$0] }), abs(other) >= abs(r) - 1e-12 { asLarge += 1 }
        }
        p = Double(asLarge) / Double(permutations + 1)
    }

    private static func pearson(_ a: [Double], _ b: [Double]) -> Double? {
        let (meanA, meanB) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
        var (product, squareA, squareB) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            product += (x - meanA) * (y - meanB)
            squareA += (x - meanA) * (x - meanA)
            squareB += (y - meanB) * (y - meanB)
        }
        return squareA > 0 && squareB > 0 ? product / (squareA * squareB).squareRoot() : nil
    }
}
