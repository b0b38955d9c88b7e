import JSONText

/// What one request asks.
package enum Prompt: Sendable, Equatable {
    case text(String)
    /// A chat as the API takes it: an array of messages.
    case messages([JSON])

    /// This prompt with `prefix` in front of its text; of a chat, in front of the first message's.
    package func prefixed(by prefix: String) -> Prompt {
        switch self {
        case .text(let text): return .text(prefix + " " + text)
        case .messages(var messages):
            guard var first = messages.first?.object, let content = first["content"]?.string else {
                return .messages([["role": "user", "content": .string(prefix)]] + messages)
            }
            first["content"] = .string(prefix + " " + content)
            messages[0] = .object(first)
            return .messages(messages)
        }
    }
}

/// Where prompts come from.
package enum PromptSource: Sendable, Equatable {
    /// Every request asks the same.
    case text(String)
    /// Random words, about so many tokens, different for each request.
    case generated(tokens: Int)
    /// One after the other, from the beginning again when they run out.
    case data([Prompt])
}
