import JSONText

/// Tokens a request used, over all its prompts and choices.
struct Usage: Equatable {
    var promptTokens = 0
    /// Prompt tokens whose keys and values were already there.
    var cachedTokens = 0
    var completionTokens = 0
    /// Completion tokens inside `<think>`.
    var reasoningTokens = 0

    var json: JSON {
        [
            "prompt_tokens": .int(promptTokens),
            "completion_tokens": .int(completionTokens),
            "total_tokens": .int(promptTokens + completionTokens),
            "prompt_tokens_details": ["cached_tokens": .int(cachedTokens)],
            "completion_tokens_details": ["reasoning_tokens": .int(reasoningTokens)],
        ]
    }
}
