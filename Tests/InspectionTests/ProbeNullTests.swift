import Foundation
import TestRandomness
import Testing

@testable import Inspection

/// The mixture over layers and the nulls of a probe.
@Suite struct ProbeNullTests {
    private static let layers = Array(0..<28)
    private static let places = layers.map(Double.init)
    /// Three heaps, of 40, 100 and 60 things.
    private static let heaps: [Int] = layers.map { [3: 10, 4: 20, 5: 10, 12: 25, 13: 50, 14: 25, 22: 15, 23: 30, 24: 15][$0] ?? 0 }

    @Test func oneGaussianIsMeanAndVariance() {
        let mixture = GaussianMixture(counts: [1, 0, 3], at: [2, 5, 6], components: 1)
        // Mean 5; variance (9 + 3) / 4 = 3, and the width of a place.
        #expect(mixture.components.count == 1 && abs(mixture.components[0].mean - 5) < 1e-12)
        #expect(abs(mixture.components[0].deviation - (3 + 1.0 / 12).squareRoot()) < 1e-12 && mixture.components[0].weight == 1)
        let shares = mixture.shares(at: [2, 5, 6])
        let expected = [2.0, 5, 6].map { exp(-0.5 * ($0 - 5) * ($0 - 5) / (3 + 1.0 / 12)) }
        for (share, value) in zip(shares, expected) { #expect(abs(share - value / expected.reduce(0, +)) < 1e-12) }
    }

    @Test func heapsAreFound() {
        let found = GaussianMixture(counts: Self.heaps, at: Self.places, components: 3).components
        for (component, wanted) in zip(found, [(0.2, 4.0), (0.5, 13.0), (0.3, 23.0)]) {
            #expect(abs(component.weight - wanted.0) < 0.01 && abs(component.mean - wanted.1) < 0.05)
            #expect(abs(component.deviation - (0.5 + 1.0 / 12).squareRoot()) < 0.05)
        }
    }

    /// Where the fit ends, another round changes nothing: weights are mean responsibilities, means and variances those of the things so weighted.
    @Test(arguments: [2, 3, 5])
    func endsWhereARoundChangesNothing(components: Int) {
        let seed = SeededRandom.seed()
        var random = ProbeRandom(seed: seed, stream: .uniformSpread, index: 1)
        let counts = random.uniformSpread(300, over: 28)
        let found = GaussianMixture(counts: counts, at: Self.places, components: components).components
        func density(_ part: GaussianMixture.Component, _ x: Double) -> Double {
            part.weight / part.deviation * exp(-(x - part.mean) * (x - part.mean) / (2 * part.deviation * part.deviation))
        }
        for part in found {
            let shares = Self.places.map { x in density(part, x) / found.reduce(0) { $0 + density($1, x) } }
            let weight = zip(shares, counts).reduce(0) { $0 + $1.0 * Double($1.1) }
            let mean = zip(zip(shares, counts), Self.places).reduce(0) { $0 + $1.0.0 * Double($1.0.1) * $1.1 } / weight
            #expect(abs(weight / 300 - part.weight) < 2e-3, "seed \(seed)")
            #expect(abs(mean - part.mean) < 0.03, "seed \(seed)")
        }
        #expect(abs(found.reduce(0) { $0 + $1.weight } - 1) < 1e-9, "seed \(seed)")
    }

    /// What the null is for: three Gaussians cover nine tenths of counts that mean nothing, so covering them is no finding. Real heaps gain.
    @Test func uniformSpreadsAreFittedAsWell() throws {
        let fit = try #require(LayerMixture(counts: Self.heaps, layers: Self.layers, components: 3, permutations: 60, seed: 9))
        #expect(fit.overlap.nullMean > 0.8 && fit.overlap.observed > 0.85)
        #expect(fit.gain.p == 1.0 / 61 && fit.gain.observed > 0.8 && fit.gain.nullMean < 0.1)
        #expect(abs(fit.shares.reduce(0, +) - 1) < 1e-9)
        var random = ProbeRandom(seed: 4, stream: .uniformSpread, index: 0)
        let flat = try #require(
            LayerMixture(
                counts: random.uniformSpread(200, over: 28), layers: Self.layers, components: 3, permutations: 60, seed: 9))
        #expect(flat.overlap.observed > 0.8 && flat.gain.p > 0.03 && flat.gain.observed < 2 * flat.gain.null95)
        #expect(LayerMixture(counts: Self.heaps, layers: Self.layers, components: 3, permutations: 60, seed: 9) == fit)
        #expect(LayerMixture(counts: [3, 4, 5], layers: [0, 1, 2], components: 3, permutations: 10, seed: 9) == nil)
        #expect(LayerMixture(counts: [0, 0], layers: [0, 1], components: 1, permutations: 10, seed: 9) == nil)
    }

    /// Over many uniform spreads p is spread evenly, so 0.1 comes up as often as it says.
    @Test func pOfTheMixtureIsHonest() throws {
        var random = ProbeRandom(seed: 77, stream: .uniformSpread, index: 0)
        var below = 0
        for index in 0..<60 {
            let counts = random.uniformSpread(40, over: 10)
            let fit = try #require(
                LayerMixture(counts: counts, layers: Array(0..<10), components: 2, permutations: 19, seed: UInt64(index)))
            if fit.gain.p <= 0.1 { below += 1 }
        }
        // 6 expected, standard deviation 2.3.
        #expect((1...14).contains(below))
    }

    @Test func correlationWithScores() throws {
        let found = try #require(LayerCorrelation([1, 2, 3, 4], [2, 4, 6, 9], permutations: 4000, seed: 2))
        // Of the 24 orders the given one and its reverse are as far from 0, no other.
        #expect(abs(found.r - 11.5 / (5 * 26.75).squareRoot()) < 1e-12 && abs(found.p - 2.0 / 24) < 0.02)
        #expect(LayerCorrelation([1, 2], [1, 2], permutations: 10, seed: 2) == nil)
        #expect(LayerCorrelation([1, 1, 1], [1, 2, 3], permutations: 10, seed: 2) == nil)
    }

    /// One chunk of six tokens, a window of two at its beginning. Moved by 1...5 tokens it covers the latent that acts at token 3 in two of five ways.
    @Test func movedWindows() {
        let null = ReasonScoreNull(latents: 3, words: 2, draws: 400, seed: 6)
        let windows: [UInt64] = [0b11, 0b11, 0, 0, 0, 0]
        null.begin(windows: windows, chunk: 0)
        var score = ReasonScore(latents: 3, words: 2)
        for position in 0..<6 {
            let acts: [Int32] = position == 0 ? [0] : position == 3 ? [1] : []
            null.add(acts, acts.map { _ in Float(2) }, position: position)
            score.add(acts, acts.map { _ in Float(2) }, windows: windows[position])
        }
        // Every draw has the two tokens inside, so scores can only be what a window over token 0, over token 3 or over neither gives.
        let kinds = Set((0..<400).map { null.scores($0) })
        #expect(kinds == [[1, -1, 0], [-1, 1, 0], [-0.5, -0.5, 0]])
        let scores = [1.0, -1, 0]
        let chances = null.compare(scores).chances
        // Over token 0 it stands when moved by 5; over token 3 when moved by 2 or 3.
        #expect(abs(chances[0].p - 0.2) < 0.06 && abs(chances[0].pAny - 0.6) < 0.08)
        #expect(chances[1].p == 1 && chances[2].p == 1)
    }

    /// With the windows where they were, the null's sums are the score's.
    @Test func nullHasTheScoresFormula() throws {
        let seed = SeededRandom.seed()
        var random = ProbeRandom(seed: seed, stream: .windows, index: 99)
        let null = ReasonScoreNull(latents: 5, words: 3, draws: 7, seed: seed)
        let tokens = 40
        let windows = (0..<tokens).map { _ in random.below(3) == 0 ? UInt64(1 + random.below(7)) : 0 }
        let acts = (0..<tokens).map { _ in
            Set((0..<3).map { _ in Int32(random.below(4)) }).sorted().map { ($0, Float(1 + random.below(9))) }
        }
        null.begin(windows: windows, chunk: 3)
        for position in 0..<tokens { null.add(acts[position].map(\.0), acts[position].map(\.1), position: position) }
        var offsets = ProbeRandom(seed: seed, stream: .windows, index: 3)
        for draw in 0..<7 {
            let offset = 1 + offsets.below(tokens - 1)
            var score = ReasonScore(latents: 5, words: 3)
            for position in 0..<tokens {
                score.add(acts[position].map(\.0), acts[position].map(\.1), windows: windows[(position + offset) % tokens])
            }
            for (one, other) in zip(null.scores(draw), try score.scores(file: "x")) {
                #expect(abs(one - other) < 1e-6, "seed \(seed)")
            }
        }
    }
}
