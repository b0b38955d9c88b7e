import Adapters
import Checkpoints
import Foundation
import JSONText
import Tokenizers

/// What a probe looks for, and how much of it is reported.
package struct ProbeSettings: Sendable {
    /// Words that mark reasoning, and the tokens around them that belong to them.
    package var words = ReasoningWords.published
    package var before = 2
    package var after = 3
    /// Latents reported of each hookpoint, those with the highest ReasonScore.
    package var top = 20
    /// Places kept for each latent, and the tokens shown on each side of one.
    package var contexts = 5
    package var contextTokens = 10
    /// Tokens that a decoder row speaks for.
    package var lens = 5
    /// The tokens around reasoning; nil leaves them out.
    package var tags: (open: String, close: String)? = (ThinkTags.opening, ThinkTags.closing)
    /// Gaussians in the mixture over layers.
    package var components = 3
    /// A file of numbers to compare the counts at the think tags with: a JSON object by hookpoint or layer.
    package var layerScores: String?
    /// Draws of the nulls: of how counts spread over hookpoints, of ReasonScore.
    package var permutations = 10_000
    package var scoreDraws = 99
    /// Decides every draw.
    package var seed: UInt64 = 0
    /// Whether every latent that acts is named, instead of those reported.
    package var labelsAll = false

    package init() {}

    func tags(_ tokenizer: Tokenizer) throws(InspectionError) -> ThinkTags? {
        guard let tags else { return nil }
        guard let open = tokenizer.id(of: tags.open) else { throw .noSuchTag(tags.open) }
        guard let close = tokenizer.id(of: tags.close) else { throw .noSuchTag(tags.close) }
        return ThinkTags(open: open, close: close)
    }

    /// The numbers of `layerScores` by hookpoint; nil when none are to be compared.
    /// - Throws: `InspectionError.badScores`, `CheckpointError` for a file that cannot be read.
    package func scores(_ hookpoints: [HookPoint]) throws -> [HookPoint: Double]? {
        guard let layerScores else { return nil }
        func bad(_ problem: String) -> InspectionError { .badScores(file: layerScores, problem: problem) }
        let file = try JSON(file: layerScores)
        guard let members = file.object else { throw bad(" holds \(file.kind), wanted an object of numbers") }
        var scores: [HookPoint: Double] = [:]
        for (key, value) in members {
            guard let number = value.double, number.isFinite else { throw bad(": '\(key)' is \(value.kind), wanted a number") }
            let named = hookpoints.filter { "\($0)" == key || "\($0.layer)" == key }
            guard let hookpoint = named.first else {
                throw bad(": the SAE has no hookpoint '\(key)'; it has \(hookpoints.map { "\($0)" }.joined(separator: ", "))")
            }
            guard named.count == 1 else { throw bad(": '\(key)' could be \(named.map { "\($0)" }.joined(separator: " or "))") }
            scores[hookpoint] = number
        }
        return scores
    }
}

/// The token-injection test: text without reasoning, and the tokens that are put into it.
package struct InjectionSettings: Sendable {
    /// JSON lines.
    package var plain: String
    /// Texts cut from it, and the tokens of each.
    package var texts = 32
    package var length = 64
    /// Tokens put into each, drawn from so many at which a latent acts most in the mean.
    package var count = 3
    package var candidates = 10

    package init(plain: String) { self.plain = plain }

    /// Tokens of the longest text that is read.
    package var longest: Int { length + count }
}
