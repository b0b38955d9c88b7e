import Texts

/// Whether latents that seem to be about reasoning are about tokens (arXiv 2601.05679): the tokens that a latent goes with are put into text
/// without reasoning, and what counts is how strongly it acts there at most.
package struct InjectionProbe {
    package struct Result: Encodable {
        package let latent: Int
        /// Those it goes with, strongest first.
        package let tokens: [String]
        /// Highest activation in a text, in the mean over texts.
        package let meanPlain: Double
        package let meanInjected: Double
        package let effect: Double?
        package let p: Double
        /// By the published thresholds.
        package let verdict: String
        /// With tokens of the texts themselves in the same places.
        package let meanControl: Double
        package let controlEffect: Double?
        package let controlP: Double
    }

    let reader: LatentReader
    let latents: [Int32]
    let texts: [[Int32]]
    let injection: TokenInjection
    let permutations: Int

    /// - Parameter candidates: tokens of a latent that are drawn from.
    func run(
        _ chunks: TokenChunks, candidates: Int, shown: (Int32) -> String, progress: (Double) -> Void
    ) -> [Result] {
        let passes = Double(chunks.count + (latents.count + 2) * texts.count)
        var done = 0.0
        func advance() {
            done += 1
            progress(done / passes)
        }
        var affinity = TokenAffinity(latents: latents)
        for chunk in 0..<chunks.count {
            let tokens = chunks.tokens(chunk)
            reader.read(tokens) { token in affinity.add(token: tokens[token.position], activations: latents.map(token.activation)) }
            advance()
        }
        let own = texts.flatMap(\.self)
        let plain = texts.map { text in
            advance()
            return strongest(text)
        }
        let control = texts.enumerated().map { number, text in
            advance()
            return strongest(injection.inject(own, into: text, number: number, isControl: true))
        }
        return latents.indices.map { index in
            let tokens = affinity.strongest(index, count: candidates)
            let injected = texts.enumerated().map { number, text in
                advance()
                return tokens.isEmpty
                    ? plain[number][index] : strongest(injection.inject(tokens, into: text, number: number, isControl: false))[index]
            }
            let before = plain.map { $0[index] }
            let shift = PairedShift(before: before, after: injected, permutations: permutations, seed: injection.seed)
            let other = PairedShift(before: before, after: control.map { $0[index] }, permutations: permutations, seed: injection.seed)
            return Result(
                latent: Int(latents[index]), tokens: tokens.map(shown), meanPlain: shift.meanBefore, meanInjected: shift.meanAfter,
                effect: shift.effect, p: shift.p, verdict: shift.verdict.rawValue, meanControl: other.meanAfter,
                controlEffect: other.effect, controlP: other.p)
        }
    }

    /// Each latent's highest activation in a text.
    private func strongest(_ text: [Int32]) -> [Double] {
        var most = [Double](repeating: 0, count: latents.count)
        reader.read(text) { token in
            for (index, latent) in latents.enumerated() { most[index] = max(most[index], Double(token.activation(of: latent))) }
        }
        return most
    }
}
