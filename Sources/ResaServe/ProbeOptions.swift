import Adapters
import ArgumentParser
import Checkpoints
import Foundation
import JSONText
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

    @Option(help: "Gaussians in the mixture over layers.")
    var components = 3

    @Option(
        help: ArgumentHelp(
            "Compare the latents at the think tags with these numbers: a JSON object by hookpoint or layer, such as {\"12\": 47.3}.",
            valueName: "file"))
    var layerScores: String?

    @Option(help: "Draws of the null for how counts spread over hookpoints.")
    var permutations = 10_000

    @Option(help: "Draws of the null for ReasonScore, windows moved to other places; 0 leaves it out.")
    var scoreDraws = 99

    @Option(help: "Decides every draw.")
    var seed: UInt64 = 0

    func validate() throws {
        if noTags, layerScores != nil || components != 3 || open != ThinkTags.opening || close != ThinkTags.closing {
            throw ValidationError("--no-tags leaves out what --open, --close, --components and --layer-scores are about")
        }
        try Limits.check([
            ("--before", before, 0...1024), ("--after", after, 0...1024), ("--top", top, 1...100_000), ("--contexts", contexts, 0...1000),
            ("--context-tokens", contextTokens, 0...1000), ("--lens", lens, 1...100), ("--permutations", permutations, 1...10_000_000),
            ("--components", components, 1...16), ("--score-draws", scoreDraws, 0...10_000),
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

    /// By hookpoint; nil when none are to be compared.
    func scores(_ hookpoints: [HookPoint]) throws -> [HookPoint: Double]? {
        guard let layerScores else { return nil }
        let file = try JSON(file: layerScores)
        guard let members = file.object else { throw CommandError("\(layerScores) holds \(file.kind), wanted an object of numbers") }
        var scores: [HookPoint: Double] = [:]
        for (key, value) in members {
            guard let number = value.double, number.isFinite else {
                throw CommandError("\(layerScores): '\(key)' is \(value.kind), wanted a number")
            }
            let named = hookpoints.filter { "\($0)" == key || "\($0.layer)" == key }
            guard let hookpoint = named.first else {
                throw CommandError(
                    "\(layerScores): the SAE has no hookpoint '\(key)'; it has \(hookpoints.map { "\($0)" }.joined(separator: ", "))")
            }
            guard named.count == 1 else {
                throw CommandError("\(layerScores): '\(key)' could be \(named.map { "\($0)" }.joined(separator: " or "))")
            }
            scores[hookpoint] = number
        }
        return scores
    }
}
