import ArgumentParser
import Engine
import Models

/// How tokens are chosen, and when to stop.
struct SamplingOptions: ParsableArguments {
    @Option(help: "0 always takes the most likely token. (default: the model's recommendation, or 1)")
    var temperature: Float?

    @Option(help: "Keep the most likely tokens whose probabilities add up to this.")
    var topP: Float?

    @Option(help: "Keep this many most likely tokens; 0 keeps all.")
    var topK: Int?

    @Option(help: "Keep tokens at least this fraction as likely as the most likely one.")
    var minP: Float = 0

    @Option(help: "Divide the logits of tokens seen before by this.")
    var repetitionPenalty: Float?

    @Option(help: "Subtract this from the logits of tokens generated before.")
    var presencePenalty: Float = 0

    @Option(help: "Subtract this per earlier use from the logits of tokens generated before.")
    var frequencyPenalty: Float = 0

    @Option(help: "The same seed gives the same answer.")
    var seed: UInt64?

    @Option(parsing: .singleValue, help: "End before this text; may be repeated.")
    var stop: [String] = []

    @Flag(help: "Go on after an end-of-sequence token.")
    var ignoreEos = false

    @Flag(help: "Show special tokens in the text.")
    var showSpecial = false

    func parameters(recommended: RecommendedSampling) -> SamplingParameters {
        var parameters = SamplingParameters()
        parameters.temperature = temperature ?? recommended.temperature ?? 1
        parameters.topP = topP ?? recommended.topP ?? 1
        parameters.topK = topK ?? recommended.topK ?? 0
        parameters.minP = minP
        parameters.repetitionPenalty = repetitionPenalty ?? recommended.repetitionPenalty ?? 1
        parameters.presencePenalty = presencePenalty
        parameters.frequencyPenalty = frequencyPenalty
        parameters.seed = seed
        return parameters
    }
}
