import ArgumentParser
import Models
import Tokenizers
import Training

/// The token-injection test on the command line.
struct InjectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Text without reasoning, as JSON lines: put into it, do the tokens that a latent goes with make it act?", valueName: "file"))
    var plain: String?

    @Option(help: "Texts that are cut from it.")
    var plainTexts = 32

    @Option(help: "Tokens of such a text.")
    var plainLength = 64

    @Option(help: "Tokens put into each.")
    var inject = 3

    @Option(help: "They are drawn from so many at which the latent acts most in the mean.")
    var injectFrom = 10

    func validate() throws {
        try CompanionOptions.check(
            plain != nil, "--plain",
            [
                ("--plain-texts", plainTexts != 32), ("--plain-length", plainLength != 64), ("--inject", inject != 3),
                ("--inject-from", injectFrom != 10),
            ])
        try Limits.check([
            ("--plain-texts", plainTexts, 2...100_000), ("--plain-length", plainLength, 2...4096), ("--inject", inject, 1...256),
            ("--inject-from", injectFrom, 1...1000),
        ])
    }

    /// Tokens of the longest text that is read.
    var longest: Int { plain == nil ? 0 : plainLength + inject }

    /// Nil when the test is left out.
    func texts(_ bundle: ModelBundle) throws -> [[Int32]]? {
        guard let plain else { return nil }
        guard longest <= bundle.config.contextLength else {
            throw CommandError("--plain-length and --inject make \(longest) tokens, more than the model's context")
        }
        guard let eos = bundle.tokenizer.eosToken ?? bundle.config.eosTokens.first else {
            throw CommandError("the model names no end-of-sequence token to join rows with")
        }
        let rows = try TriggerFile(path: plain, template: .raw, chat: nil).rows
        let chunks = try TokenChunks(rows: rows, tokenizer: bundle.tokenizer, eos: eos, length: plainLength, file: plain)
        guard chunks.count >= 2 else {
            throw TrainingError.badData(
                file: plain, line: 0, problem: "makes \(chunks.count) text of \(chunks.length) tokens, but two are needed; give more text")
        }
        return (0..<min(chunks.count, plainTexts)).map(chunks.tokens)
    }
}

/// Whether latents that seem to be about reasoning are about tokens (arXiv 2601.05679): the tokens that a latent goes with are put into text
/// without reasoning, and what counts is how strongly it acts there at most.
struct InjectionProbe {
    struct Result: Encodable {
        let latent: Int
        /// Those it goes with, strongest first.
        let tokens: [String]
        /// Highest activation in a text, in the mean over texts.
        let meanPlain: Double
        let meanInjected: Double
        let effect: Double?
        let p: Double
        /// By the published thresholds.
        let verdict: String
        /// With tokens of the texts themselves in the same places.
        let meanControl: Double
        let controlEffect: Double?
        let controlP: Double
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
