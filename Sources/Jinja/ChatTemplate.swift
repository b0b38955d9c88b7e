import Foundation

/// A model's chat template, rendered with the variables and rules `transformers` uses.
package struct ChatTemplate: Sendable {
    private let template: Template
    private let bosToken: String
    private let eosToken: String

    /// - Throws: `JinjaError` when the source cannot be parsed.
    package init(source: String, bosToken: String, eosToken: String) throws(JinjaError) {
        template = try Template(source)
        self.bosToken = bosToken
        self.eosToken = eosToken
    }

    /// The prompt for a conversation.
    /// - Parameters:
    ///   - messages: mappings with `role`, `content` and whatever else the template reads.
    ///   - tools: tool definitions (JSON schemas in OpenAI's shape); nil makes `tools` none.
    ///   - addGenerationPrompt: whether to end with the opening of the assistant's turn.
    ///   - extra: further variables, such as `enable_thinking`; they win over the standard ones.
    ///   - now: the clock behind `strftime_now`.
    /// - Throws: `JinjaError`; `.raised` carries the template's own complaint about the messages.
    package func render(
        messages: [Value], tools: Value? = nil, addGenerationPrompt: Bool, extra: [String: Value] = [:],
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(JinjaError) -> String {
        var context: [String: Value] = [
            "messages": .array(messages), "tools": tools ?? .none, "documents": .none,
            "add_generation_prompt": .bool(addGenerationPrompt), "bos_token": .string(bosToken), "eos_token": .string(eosToken),
        ]
        context.merge(extra) { _, given in given }
        return try template.render(context, now: now)
    }

    /// Whether a rendered prompt leaves a think block open at its end, so that the answer begins inside it and holds only `</think>`.
    package static func endsInsideThinkBlock(_ prompt: String) -> Bool {
        prompt.stripped(left: false).utf8.reversed().starts(with: "<think>".utf8.reversed())
    }
}
