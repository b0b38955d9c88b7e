import Adapters

/// What a generation reports, in order: one `prompt`, then tokens of any choice, one `finished` per choice; or `failed`.
package enum GenerationEvent: Sendable {
    case prompt(PromptReport)
    case token(GeneratedToken)
    case finished(FinishReport)
    case failed(EngineError)
}

/// The prompt has been read.
package struct PromptReport: Sendable {
    package let tokens: Int
    /// Tokens whose keys and values were already there.
    package let cachedTokens: Int
    /// One entry per prompt token, nil for the first; nil as a whole when not asked for.
    package let logprobs: [TokenLogprobs?]?
    /// Every position of the prompt, when asked for.
    package let observations: [TokenObservation]
    /// For a request that scores.
    package var score: TextScore?
}

/// One generated token that is part of the answer. A token that ends the answer is counted but not reported.
package struct GeneratedToken: Sendable {
    package let choice: Int
    package let id: Int32
    /// Text that became certain with this token; empty while a character or a possible stop string is incomplete.
    package let text: String
    /// The same of the reasoning, for requests that tell it from the content.
    package var reasoning = ""
    /// The token came while the reasoning was open.
    package var isReasoning = false
    package let logprobs: TokenLogprobs?
    /// Latents at the position this token was predicted from: that of the token before it. Nil when nothing observes.
    package let observation: TokenObservation?
}

/// A choice has ended.
package struct FinishReport: Sendable {
    package enum Reason: String, Sendable {
        case stop, length, cancelled
    }

    package let choice: Int
    /// Text held back until the end was certain.
    package let text: String
    /// The same of the reasoning.
    package var reasoning = ""
    package let reason: Reason
    /// The stop string that ended the answer.
    package let stopString: String?
    /// The token of the request's stop tokens that ended the answer; nil where one of the model's end tokens did.
    package let stopToken: Int32?
    /// Tokens generated, an ending token included.
    package let generatedTokens: Int
    /// How well each splice reconstructs the tokens it acted on, in the order of the request's adapters. The prompt's tokens are the first
    /// choice's.
    package var splices: [SpliceQuality] = []
}

/// Natural-log probabilities under the unmodified distribution: before penalties, bias, temperature and truncation.
package struct TokenLogprobs: Sendable, Equatable {
    package struct Alternative: Sendable, Equatable {
        package let id: Int32
        package let logprob: Float
    }

    package let id: Int32
    package let logprob: Float
    /// 1 for the most likely token.
    package let rank: Int
    package let top: [Alternative]
}

/// What the request's interventions read at one position.
package struct TokenObservation: Sendable {
    /// The token that stood there.
    package let token: Int32
    /// Absolute position in the sequence.
    package let position: Int
    /// In the order in which the interventions ran.
    package let readings: [LatentReading]
}
