import Tensors

/// What ReasonScores come of windows that stand where they mean nothing: in every draw the marks of each chunk of text are moved around it by a
/// random number of tokens, as on a ring. So there are as many windows, of the same lengths and words and as close together, but elsewhere; and
/// the latents stay as they acted. Owned by one thread.
package final class ReasonScoreNull {
    package let draws: Int
    private let latents: Int
    private let words: Int
    private let seed: UInt64
    /// `[latents, draws, 1 + words]`: a latent's activations inside all windows, then in those of each word. Only latents that act take memory.
    private let sums: AlignedBuffer<Float>
    /// Of each latent over all tokens.
    private var totals: [Double]
    private var tokens = 0
    private var inside: [Int]
    /// `[draws, words]`
    private var wordTokens: [Int]
    private var windows: [UInt64] = []
    private var offsets: [Int] = []

    /// Takes up to `latents * draws * (1 + words)` floats.
    package init(latents: Int, words: Int, draws: Int, seed: UInt64) {
        (self.latents, self.words, self.draws, self.seed) = (latents, words, draws, seed)
        sums = AlignedBuffer(count: latents * draws * (1 + words))
        totals = Array(repeating: 0, count: latents)
        inside = Array(repeating: 0, count: draws)
        wordTokens = Array(repeating: 0, count: draws * words)
    }

    /// Starts a chunk of text.
    /// - Parameters:
    ///   - windows: for each of its tokens a bit for every word in whose window it stands.
    ///   - chunk: its number; decides the draws.
    package func begin(windows: [UInt64], chunk: Int) {
        self.windows = windows
        var random = ProbeRandom(seed: seed, stream: .windows, index: chunk)
        offsets = (0..<draws).map { _ in windows.count > 1 ? 1 + random.below(windows.count - 1) : 0 }
    }

    /// A token of the chunk and the latents that act there.
    package func add(_ indices: some Collection<Int32>, _ activations: some Collection<Float>, position: Int) {
        tokens += 1
        for (latent, activation) in zip(indices, activations) { totals[Int(latent)] += Double(activation) }
        let row = 1 + words
        for draw in 0..<draws {
            let bits = windows[(position + offsets[draw]) % windows.count]
            guard bits != 0 else { continue }
            inside[draw] += 1
            for word in 0..<words where bits >> UInt64(word) & 1 == 1 { wordTokens[draw * words + word] += 1 }
            for (latent, activation) in zip(indices, activations) {
                let sum = sums.pointer + (Int(latent) * draws + draw) * row
                sum[0] += activation
                for word in 0..<words where bits >> UInt64(word) & 1 == 1 { sum[1 + word] += activation }
            }
        }
    }

    /// Beside a latent's score.
    package struct Chance: Sendable, Equatable {
        /// Share of the draws, the observed one among them, in which the latent has as high a score.
        package var p: Double
        /// The same for any of the latents: what a latent has to be judged by that was chosen for its score.
        package var pAny: Double
    }

    /// - Parameter scores: observed, one for each latent.
    /// - Returns: one for each latent, and the highest score of a draw in the mean.
    package func compare(_ scores: [Double]) -> (chances: [Chance], meanMaximum: Double) {
        precondition(scores.count == latents)
        var (reached, anyReached) = ([Int](repeating: 1, count: latents), [Int](repeating: 1, count: latents))
        var maxima = 0.0
        for draw in 0..<draws {
            let drawn = self.scores(draw)
            let maximum = drawn.max() ?? 0
            maxima += maximum
            for latent in 0..<latents {
                if drawn[latent] >= scores[latent] { reached[latent] += 1 }
                if maximum >= scores[latent] { anyReached[latent] += 1 }
            }
        }
        let all = Double(draws + 1)
        let chances = (0..<latents).map { Chance(p: Double(reached[$0]) / all, pAny: Double(anyReached[$0]) / all) }
        return (chances, draws > 0 ? maxima / Double(draws) : 0)
    }

    /// Of all latents in one draw.
    func scores(_ draw: Int) -> [Double] {
        let (insideTokens, outsideTokens) = (Double(max(1, inside[draw])), Double(max(1, tokens - inside[draw])))
        func sum(_ latent: Int) -> UnsafeMutablePointer<Float> { sums.pointer + (latent * draws + draw) * (1 + words) }
        // Reading the row of a latent that never acts would take memory for it.
        return ReasonScore.scores(
            latents, inside: { self.totals[$0] > 0 ? Double(sum($0)[0]) / insideTokens : 0 },
            outside: { self.totals[$0] > 0 ? max(0, self.totals[$0] - Double(sum($0)[0])) / outsideTokens : 0 },
            entropy: { latent in
                ReasonScore.entropy(words: self.words) { word in
                    let tokens = self.wordTokens[draw * self.words + word]
                    return tokens == 0 ? 0 : Double(sum(latent)[1 + word]) / Double(tokens)
                }
            })
    }
}
