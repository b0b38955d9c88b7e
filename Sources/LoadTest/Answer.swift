import JSONText

/// An answer that came whole.
package struct Answer: Sendable, Equatable {
    /// When each piece of text arrived; empty when the answer was not streamed, or had no text.
    package let textTimes: [ContinuousClock.Instant]
    package let endTime: ContinuousClock.Instant
    package let usage: TokenUsage?

    package init(textTimes: [ContinuousClock.Instant], endTime: ContinuousClock.Instant, usage: TokenUsage?) {
        self.textTimes = textTimes
        self.endTime = endTime
        self.usage = usage
    }

    /// Generated tokens: what the server says, else one for each piece of text.
    package var outputTokens: Int { usage?.completion ?? textTimes.count }

    /// - Parameter start: when the request was due (open loop) or sent (closed loop).
    package func latencies(since start: ContinuousClock.Instant) -> AnswerLatencies {
        var latencies = AnswerLatencies(endToEnd: endTime - start)
        guard let first = textTimes.first, let last = textTimes.last else { return latencies }
        latencies.timeToFirstToken = first - start
        if outputTokens > 1, textTimes.count > 1 {
            latencies.timePerOutputToken = (last - first) / (outputTokens - 1)
        }
        return latencies
    }
}

/// How long an answer took. What cannot be told of it is nil: nothing but the whole without streaming, no time per token for a single one.
package struct AnswerLatencies: Sendable, Equatable {
    package var timeToFirstToken: Duration?
    /// From the first text to the last, over the tokens after the first.
    package var timePerOutputToken: Duration?
    package var endToEnd: Duration

    package init(timeToFirstToken: Duration? = nil, timePerOutputToken: Duration? = nil, endToEnd: Duration) {
        self.timeToFirstToken = timeToFirstToken
        self.timePerOutputToken = timePerOutputToken
        self.endToEnd = endToEnd
    }
}

/// The server's own count of an answer's tokens.
package struct TokenUsage: Sendable, Equatable {
    package var prompt: Int
    package var completion: Int
    /// Prompt tokens that were found in the prefix cache; nil when the server does not say.
    package var cachedPrompt: Int?

    package init(prompt: Int, completion: Int, cachedPrompt: Int? = nil) {
        self.prompt = prompt
        self.completion = completion
        self.cachedPrompt = cachedPrompt
    }

    /// Reads OpenAI's `usage` of a response or chunk; nil without it. The cached tokens may also stand in a `resa` object.
    package init?(response: JSON) {
        guard let usage = response["usage"], usage.object != nil, let completion = usage["completion_tokens"]?.int, completion >= 0
        else { return nil }
        self.init(prompt: max(usage["prompt_tokens"]?.int ?? 0, 0), completion: completion)
        cachedPrompt = usage["prompt_tokens_details"]?["cached_tokens"]?.int ?? response["resa"]?["cached_tokens"]?.int
    }
}
