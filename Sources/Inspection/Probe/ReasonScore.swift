import Foundation

/// How much more a latent acts around reasoning words than elsewhere (Galichin et al., arXiv 2503.18878):
///
/// `s_i = mu+_i / sum_j mu+_j * H_i^0.7 - mu-_i / sum_j mu-_j`, where `mu+` and `mu-` are mean activations over the tokens inside and outside of
/// the words' windows. `H_i` is the entropy of the latent's mean activation in the windows of each word, as shares of their sum, over the
/// logarithm of the number of words: 1 for a latent that acts alike around all of them, 0 for one that knows a single word.
package struct ReasonScore: Sendable {
    package static let entropyPower = 0.7

    /// Tokens inside a window, and all others.
    package private(set) var inside = 0
    package private(set) var outside = 0
    private let words: Int
    private let latents: Int
    private var insideSum: [Double]
    private var outsideSum: [Double]
    /// Tokens in the windows of each word.
    private var wordTokens: [Int]
    /// `[latents, words]`
    private var wordSum: [Double]

    package init(latents: Int, words: Int) {
        (self.latents, self.words) = (latents, words)
        insideSum = Array(repeating: 0, count: latents)
        outsideSum = insideSum
        wordTokens = Array(repeating: 0, count: words)
        wordSum = Array(repeating: 0, count: latents * words)
    }

    /// - Parameter windows: a bit for each word in whose window the token stands.
    package mutating func add(_ indices: some Collection<Int32>, _ activations: some Collection<Float>, windows: UInt64) {
        guard windows != 0 else {
            outside += 1
            for (latent, activation) in zip(indices, activations) { outsideSum[Int(latent)] += Double(activation) }
            return
        }
        inside += 1
        for word in 0..<words where windows >> UInt64(word) & 1 == 1 { wordTokens[word] += 1 }
        for (latent, activation) in zip(indices, activations) {
            insideSum[Int(latent)] += Double(activation)
            for word in 0..<words where windows >> UInt64(word) & 1 == 1 {
                wordSum[Int(latent) * words + word] += Double(activation)
            }
        }
    }

    /// One score for each latent.
    /// - Throws: `.badText` when no reasoning word was seen, or nothing else.
    package func scores(file: String) throws(InspectionError) -> [Double] {
        guard inside > 0 else {
            throw .badText(file: file, problem: "holds none of the reasoning words; name others with --words")
        }
        guard outside > 0 else {
            throw .badText(file: file, problem: "has reasoning words around every token; take smaller windows or more text")
        }
        return Self.scores(latents, inside: { means($0).inside }, outside: { means($0).outside }, entropy: entropy)
    }

    /// - Parameters:
    ///   - inside: a latent's mean activation inside the windows.
    ///   - outside: and outside of them.
    static func scores(
        _ latents: Int, inside: (Int) -> Double, outside: (Int) -> Double, entropy: (Int) -> Double
    ) -> [Double] {
        var (insideTotal, outsideTotal) = (0.0, 0.0)
        for latent in 0..<latents {
            insideTotal += inside(latent)
            outsideTotal += outside(latent)
        }
        return (0..<latents).map { latent in
            let plus = insideTotal > 0 ? inside(latent) / insideTotal : 0
            let minus = outsideTotal > 0 ? outside(latent) / outsideTotal : 0
            return (plus > 0 ? plus * pow(entropy(latent), entropyPower) : 0) - minus
        }
    }

    /// 0...1
    package func entropy(_ latent: Int) -> Double {
        Self.entropy(words: words) { word in
            wordTokens[word] == 0 ? 0 : wordSum[latent * words + word] / Double(wordTokens[word])
        }
    }

    /// - Parameter mean: a latent's mean activation in the windows of a word.
    static func entropy(words: Int, mean: (Int) -> Double) -> Double {
        var total = 0.0
        for word in 0..<words { total += mean(word) }
        guard total > 0 else { return 0 }
        var entropy = 0.0
        for word in 0..<words {
            let share = mean(word) / total
            if share > 0 { entropy -= share * log(share) }
        }
        return max(0, entropy / log(Double(words)))
    }

    /// Mean activation inside and outside.
    package func means(_ latent: Int) -> (inside: Double, outside: Double) {
        (inside == 0 ? 0 : insideSum[latent] / Double(inside), outside == 0 ? 0 : outsideSum[latent] / Double(outside))
    }
}
