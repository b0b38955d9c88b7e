import TestRandomness
import Testing

@testable import Inspection

/// The statistics of a probe against values worked out by hand.
@Suite struct ProbeTests {
    /// Kinds 1, 2 (the tags), 3 and 4. Latent 10 acts at both tags alone, 11 also at 3, 12 at one tag alone, 13 at 3 and 4, 14 at both tags in
    /// one of their two occurrences each.
    @Test func tagsAgainstEveryPairOfKinds() throws {
        let tokens: [Int32] = [3, 1, 2, 4, 1, 2]
        let active: [[Int32]] = [[11, 13], [10, 11, 12, 14], [10, 11], [13], [10, 12], [10, 14]]
        let found = try TagFirings(tokens: tokens, active: active, open: 1, close: 2)
        #expect(found.latents == [10, 14])
        // Six pairs; (1, 2) has two latents and (3, 4) one.
        #expect(found.pairs == 6 && found.nullMaximum == 2)
        #expect(found.nullMean == 0.5 && found.p == 1.0 / 6)
        let other = try TagFirings(tokens: tokens, active: active, open: 3, close: 4)
        #expect(other.latents == [13] && other.p == 2.0 / 6)
        #expect(try TagFirings(tokens: tokens, active: active, open: 1, close: 4).p == 1)
        #expect(throws: InspectionError.self) { try TagFirings(tokens: tokens, active: active, open: 1, close: 5) }
        #expect(throws: InspectionError.self) { try TagFirings(tokens: [1, 2], active: [[], []], open: 1, close: 2) }
    }

    /// Four things in two places: 4 and 0 have chi-square 4 and come up with chance 1/8; 3 and 1 have 1 and come up, with those, with chance 5/8.
    @Test func spreadOverPlaces() throws {
        let uneven = try #require(UniformSpread(counts: [4, 0], permutations: 4000, seed: 3))
        #expect(uneven.chiSquare == 4 && abs(uneven.p - 0.125) < 0.02)
        let mild = try #require(UniformSpread(counts: [3, 1], permutations: 4000, seed: 3))
        #expect(mild.chiSquare == 1 && abs(mild.p - 0.625) < 0.03)
        #expect(try #require(UniformSpread(counts: [2, 2], permutations: 100, seed: 3)).p == 1)
        #expect(UniformSpread(counts: [4, 0], permutations: 4000, seed: 3) == uneven)
        #expect(UniformSpread(counts: [4], permutations: 10, seed: 0) == nil)
        #expect(UniformSpread(counts: [0, 0], permutations: 10, seed: 0) == nil)
    }

    /// Two words, three latents, four tokens. mu+ = (1.5, 0.5, 0), mu- = (0, 1, 3); latent 0 has shares 3/4 and 1/4 over the words.
    @Test func reasonScore() throws {
        var score = ReasonScore(latents: 3, words: 2)
        score.add([Int32(0), 1], [Float(2.25), 1], windows: 0b01)
        score.add([Int32(0)], [Float(0.75)], windows: 0b10)
        score.add([Int32(1), 2], [Float(2), 2], windows: 0)
        score.add([Int32(2)], [Float(4)], windows: 0)
        #expect(score.inside == 2 && score.outside == 2)
        // -(3/4 log2 3/4 + 1/4 log2 1/4) = 0.8112781, and that to the power 0.7 = 0.8638112.
        #expect(abs(score.entropy(0) - 0.811_278_124_459) < 1e-9 && score.entropy(1) == 0 && score.entropy(2) == 0)
        let scores = try score.scores(file: "x")
        #expect(abs(scores[0] - 0.75 * 0.863_811_210_468) < 1e-6)
        #expect(scores[1] == -0.25 && scores[2] == -0.75)
        #expect(score.means(1).inside == 0.5 && score.means(1).outside == 1)
        #expect(throws: InspectionError.self) { try ReasonScore(latents: 1, words: 2).scores(file: "x") }
    }

    /// A token of two words counts for both.
    @Test func windowsOfTwoWords() throws {
        var score = ReasonScore(latents: 1, words: 2)
        score.add([Int32(0)], [Float(1)], windows: 0b11)
        score.add([Int32(0)], [Float(1)], windows: 0)
        #expect(abs(score.entropy(0) - 1) < 1e-12)
        #expect(try abs(score.scores(file: "x")[0]) < 1e-12)
    }

    @Test func contextsAreThoseOfASort() {
        let seed = SeededRandom.seed()
        var random = ProbeRandom(seed: seed, stream: .places, index: 1)
        var kept = StrongestContexts(latents: 3, limit: 4)
        var all: [[StrongestContexts.Place]] = [[], [], []]
        for chunk in 0..<6 {
            for position in 0..<20 {
                let latent = random.below(3)
                // Few values, so that many are equal.
                let activation = Float(1 + random.below(6))
                kept.add(latent: latent, activation: activation, chunk: chunk, position: position)
                all[latent].append(StrongestContexts.Place(activation: activation, chunk: chunk, position: position))
            }
        }
        for latent in 0..<3 {
            let sorted = all[latent].enumerated().sorted { ($1.element.activation, $0.offset) < ($0.element.activation, $1.offset) }
            #expect(kept.strongest(latent) == Array(sorted.prefix(4).map(\.element)), "seed \(seed)")
            #expect(kept.firings[latent] == all[latent].count)
        }
        #expect(StrongestContexts(latents: 1, limit: 0).strongest(0).isEmpty)
    }

    @Test(arguments: [[], ["wait"], ["wait", "Wait"], ["wait", ""]])
    func badWords(words: [String]) {
        #expect(throws: InspectionError.self) { try ReasoningWords(words: words, before: 1, after: 1) }
    }

    /// Latent 40 has mean 3 at token 8 in five places, 2 at token 7 in six, 9 at token 6, which is too rare, and nothing at token 9.
    @Test func tokensThatALatentGoesWith() {
        var affinity = TokenAffinity(latents: [40, 41])
        for _ in 0..<5 { affinity.add(token: 8, activations: [3, 0]) }
        for number in 0..<6 { affinity.add(token: 7, activations: [number < 3 ? 4 : 0, 0]) }
        for _ in 0..<4 { affinity.add(token: 6, activations: [9, 0]) }
        for _ in 0..<5 { affinity.add(token: 9, activations: [0, 1]) }
        #expect(affinity.strongest(0, count: 5) == [8, 7] && affinity.strongest(0, count: 1) == [8])
        #expect(affinity.strongest(1, count: 5) == [9])
    }

    @Test func injectionKeepsTheText() {
        let seed = SeededRandom.seed()
        let injection = TokenInjection(seed: seed, count: 3)
        let text: [Int32] = Array(1...20)
        let tokens: [Int32] = [100, 101, 102, 103]
        let result = injection.inject(tokens, into: text, number: 4, isControl: false)
        let drawn = result.filter { $0 >= 100 }
        #expect(result.filter { $0 < 100 } == text && drawn.count == 3 && Set(drawn).count == 3 && result[0] == 1, "seed \(seed)")
        #expect(injection.inject(tokens, into: text, number: 4, isControl: false) == result)
        let other = injection.inject([200], into: text, number: 4, isControl: true)
        #expect(other.indices.filter { other[$0] >= 100 } == result.indices.filter { result[$0] >= 100 }, "seed \(seed)")
        #expect((0..<8).contains { injection.inject(tokens, into: text, number: $0, isControl: false) != result })
    }

    /// All four differences are 1, so one of sixteen swaps reaches the sum. The variances are 5/3 each.
    @Test func pairedShift() {
        let shift = PairedShift(before: [1, 2, 3, 4], after: [2, 3, 4, 5], permutations: 4000, seed: 5)
        #expect(shift.meanBefore == 2.5 && shift.meanAfter == 3.5)
        #expect(abs((shift.effect ?? 0) - 1 / (5.0 / 3).squareRoot()) < 1e-12)
        #expect(abs(shift.p - 1.0 / 16) < 0.02)
        #expect(PairedShift(before: [1, 2, 3, 4], after: [2, 3, 4, 5], permutations: 4000, seed: 5) == shift)
        let same = PairedShift(before: [0, 0], after: [0, 0], permutations: 100, seed: 5)
        #expect(same.effect == nil && same.p == 1 && same.verdict == .contextDependent)
        // Of four pairs no p is below 1/16: a large effect is not yet evidence.
        #expect(abs((shift.effect ?? 0) - 0.775) < 0.001 && shift.verdict == .contextDependent)
        let before = (0..<20).map { Double($0 % 5) }
        func verdict(_ step: Double) -> PairedShift.Verdict {
            PairedShift(before: before, after: before.map { $0 + step }, permutations: 2000, seed: 5).verdict
        }
        // The standard deviation is 1.45.
        #expect(verdict(1.3) == .tokenDriven && verdict(1) == .partlyTokenDriven)
        #expect(verdict(0.5) == .weaklyTokenDriven && verdict(0.2) == .contextDependent && verdict(-2) == .contextDependent)
    }
}
