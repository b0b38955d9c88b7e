import Foundation

/// Which tokens a few latents act at more than elsewhere.
package struct TokenAffinity: Sendable {
    package let latents: [Int32]
    private var tokens: [Int32: Int] = [:]
    /// Of each latent, by token.
    private var sums: [[Int32: Double]]

    package init(latents: [Int32]) {
        self.latents = latents
        sums = Array(repeating: [:], count: latents.count)
    }

    package mutating func add(token: Int32, activations: [Float]) {
        tokens[token, default: 0] += 1
        for (index, activation) in activations.enumerated() where activation > 0 { sums[index][token, default: 0] += Double(activation) }
    }

    /// The `count` tokens at which the latent acts most in the mean, strongest first, of those that occur `leastOccurrences` times; of equals the
    /// lower id first.
    package func strongest(_ index: Int, count: Int) -> [Int32] {
        let means = sums[index].compactMap { token, sum -> (mean: Double, token: Int32)? in
            let number = tokens[token] ?? 0
            return number < Self.leastOccurrences ? nil : (sum / Double(number), token)
        }
        return means.sorted { (-$0.mean, $0.token) < (-$1.mean, $1.token) }.prefix(count).map(\.token)
    }

    /// A token seen less often tells more of where it stood than of what it does. The published code's.
    package static let leastOccurrences = 5
}

/// Puts tokens into a text at places that a seed decides.
package struct TokenInjection: Sendable {
    package let seed: UInt64
    /// Tokens put into each text.
    package let count: Int

    package init(seed: UInt64, count: Int) { (self.seed, self.count) = (seed, count) }

    /// `text` with tokens drawn from `tokens`, each once while they last, at places other than its first; the places depend on `number` alone.
    /// - Parameter isControl: tells the draws of one kind of tokens from the other's.
    package func inject(_ tokens: [Int32], into text: [Int32], number: Int, isControl: Bool) -> [Int32] {
        var places = ProbeRandom(seed: seed, stream: .places, index: number)
        var draws = ProbeRandom(seed: seed, stream: isControl ? .controlTokens : .tokens, index: number)
        var result = text
        var rest: [Int32] = []
        for _ in 0..<count {
            if rest.isEmpty { rest = tokens }
            let drawn = draws.below(rest.count)
            rest.swapAt(drawn, rest.count - 1)
            result.insert(rest.removeLast(), at: 1 + places.below(result.count))
        }
        return result
    }
}

/// How far a change moves a number that was measured on the same texts with and without it.
package struct PairedShift: Sendable, Equatable {
    package let meanBefore: Double
    package let meanAfter: Double
    /// Cohen's d: the difference of the means over the root of the mean variance. Nil where nothing varies.
    package let effect: Double?
    /// Chance of a mean difference as large when each pair is swapped or not at random, one-sided.
    package let p: Double

    /// - Parameters:
    ///   - before: one number for each text, two at least.
    ///   - permutations: random swaps of all pairs.
    package init(before: [Double], after: [Double], permutations: Int, seed: UInt64) {
        precondition(before.count == after.count && before.count > 1)
        let count = Double(before.count)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / count }
        func variance(_ values: [Double]) -> Double {
            let mean = mean(values)
            return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        }
        (meanBefore, meanAfter) = (mean(before), mean(after))
        let spread = ((variance(before) + variance(after)) / 2).squareRoot()
        effect = spread > 0 ? (meanAfter - meanBefore) / spread : nil
        let differences = zip(after, before).map { $0 - $1 }
        let observed = differences.reduce(0, +)
        let slack = 1e-12 * differences.reduce(0) { $0 + abs($1) }
        var random = ProbeRandom(seed: seed, stream: .swaps, index: 0)
        var asLarge = 1
        for _ in 0..<permutations {
            var sum = 0.0
            for difference in differences { sum += random.below(2) == 0 ? difference : -difference }
            if sum >= observed - slack { asLarge += 1 }
        }
        p = Double(asLarge) / Double(permutations + 1)
    }

    /// What the shift says of a latent whose tokens were put into text, by the thresholds that were published with the test.
    package enum Verdict: String, Sendable {
        case tokenDriven = "token-driven"
        case partlyTokenDriven = "partly token-driven"
        case weaklyTokenDriven = "weakly token-driven"
        case contextDependent = "context-dependent"
    }

    package var verdict: Verdict {
        guard let effect else { return .contextDependent }
        if effect >= 0.8, p < 0.01 { return .tokenDriven }
        if effect >= 0.5, p < 0.01 { return .partlyTokenDriven }
        return effect >= 0.2 && p < 0.05 ? .weaklyTokenDriven : .contextDependent
    }
}
