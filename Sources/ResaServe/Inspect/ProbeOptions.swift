import Adapters
import ArgumentParser
import Foundation
import Inspection

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
        try CompanionOptions.check(contexts > 0, "--contexts above 0", [("--context-tokens", contextTokens != 10)])
        try Limits.check([
            ("--before", before, 0...1024), ("--after", after, 0...1024), ("--top", top, 1...100_000), ("--contexts", contexts, 0...1000),
            ("--context-tokens", contextTokens, 0...1000), ("--lens", lens, 1...100), ("--permutations", permutations, 1...10_000_000),
            ("--components", components, 1...16), ("--score-draws", scoreDraws, 0...10_000),
        ])
    }

    var settings: ProbeSettings {
        var settings = ProbeSettings()
        if let words { settings.words = words.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
        (settings.before, settings.after, settings.top, settings.lens) = (before, after, top, lens)
        (settings.contexts, settings.contextTokens, settings.tags) = (contexts, contextTokens, noTags ? nil : (open, close))
        (settings.components, settings.layerScores, settings.permutations) = (components, layerScores, permutations)
        (settings.scoreDraws, settings.seed) = (scoreDraws, seed)
        return settings
    }
}

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

    /// Nil when the test is left out.
    var settings: InjectionSettings? {
        guard let plain else { return nil }
        var settings = InjectionSettings(plain: plain)
        (settings.texts, settings.length, settings.count, settings.candidates) = (plainTexts, plainLength, inject, injectFrom)
        return settings
    }
}
