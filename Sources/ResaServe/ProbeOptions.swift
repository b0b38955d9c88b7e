import Adapters
import ArgumentParser
import Foundation
import Tokenizers
import Training

/// What a probe looks for.
struct ProbeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Words that mark reasoning, with commas between. (default: those of arXiv 2503.18878)", valueName: "list"))
    var words: String?

    @Option(help: "Tokens before a reasoning word that belong to it.")
    var before = 2

    @Option(help: "Tokens after a reasoning word that belong to it.")
    var after = 3

    @Option(help: "Latents reported of each hookpoint, those with the highest ReasonScore.")
    var top = 20

    @Option(help: "Places in the data kept for each latent, those where it acts most.")
    var contexts = 5

    @Option(help: "Tokens shown on each side of such a place.")
    var contextTokens = 10

    @Option(help: "Tokens that a latent's decoder row speaks for.")
    var lens = 5

    @Option(help: ArgumentHelp("The token that opens reasoning.", valueName: "token"))
    var open = ThinkTags.opening

    @Option(help: ArgumentHelp("The token that closes it.", valueName: "token"))
    var close = ThinkTags.closing

    @Flag(help: "Leave the think tags out.")
    var noTags = false

    @Option(help: "Draws of the null for how counts spread over hookpoints.")
    var permutations = 10_000

    @Option(help: "Decides every draw.")
    var seed: UInt64 = 0

    func validate() throws {
        try Limits.check([
            ("--before", before, 0...1024), ("--after", after, 0...1024), ("--top", top, 1...100_000), ("--contexts", contexts, 0...1000),
            ("--context-tokens", contextTokens, 0...1000), ("--lens", lens, 1...100), ("--permutations", permutations, 1...10_000_000),
        ])
    }

    func reasoningWords() throws -> ReasoningWords {
        let list = words?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        return try ReasoningWords(words: list ?? ReasoningWords.published, before: before, after: after)
    }

    /// Nil when they are left out.
    func tags(_ tokenizer: Tokenizer) throws -> ThinkTags? {
        if noTags { return nil }
        func id(_ tag: String) throws -> Int32 {
            guard let id = tokenizer.id(of: tag) else {
                throw CommandError(
                    "the model has no token '\(tag)'; name its tokens with --open and --close, or leave the think tags out with --no-tags")
            }
            return id
        }
        return ThinkTags(open: try id(open), close: try id(close))
    }
}
