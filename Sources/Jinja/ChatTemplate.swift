import Foundation

/// A model's chat template, rendered with the variables and rules `transformers` uses. Messages are given the shape that the template
/// was found to read, see `MessageShape`.
package struct ChatTemplate: Sendable {
    private let template: Template
    private let bosToken: String
    private let eosToken: String
    let shape: MessageShape

    /// - Throws: `JinjaError` when the source cannot be parsed.
    package init(source: String, bosToken: String, eosToken: String) throws(JinjaError) {
        template = try Template(source)
        self.bosToken = bosToken
        self.eosToken = eosToken
        shape = MessageShape(readBy: template, bosToken: bosToken, eosToken: eosToken)
    }

    /// The prompt for a conversation.
    /// - Parameters:
    ///   - messages: mappings with `role`, `content` and whatever else the template reads. `content` is text or a list of parts
    ///     `{"type": "text", "text"}`, the arguments of a tool call are a mapping or JSON text, as they came.
    ///   - tools: tool definitions (JSON schemas in OpenAI's shape); nil makes `tools` none.
    ///   - addGenerationPrompt: whether to end with the opening of the assistant's turn.
    ///   - continuesLast: ends in the middle of the last message, right after its content.
    ///   - extra: further variables, such as `enable_thinking`; they win over the standard ones.
    ///   - now: the clock behind `strftime_now`.
    /// - Throws: `JinjaError`; `.raised` carries the template's own complaint about the messages, `.continuation` says why the last
    ///   message cannot be continued.
    package func render(
        messages: [Value], tools: Value? = nil, addGenerationPrompt: Bool, continuesLast: Bool = false, extra: [String: Value] = [:],
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(JinjaError) -> String {
        let time = now()
        func render(_ messages: [Value]) throws(JinjaError) -> String {
            let context = Self.context(
                messages: messages, tools: tools, addGenerationPrompt: addGenerationPrompt, bosToken: bosToken, eosToken: eosToken)
            return try template.render(context.merging(extra) { _, given in given }, now: { time })
        }
        let shaped = messages.map(shape.shaped)
        return continuesLast ? try OpenMessage.render(shaped, render) : try render(shaped)
    }

    /// The variables every template may read.
    static func context(
        messages: [Value], tools: Value?, addGenerationPrompt: Bool, bosToken: String, eosToken: String
    ) -> [String: Value] {
        [
            "messages": .array(messages), "tools": tools ?? .none, "documents": .none, "add_generation_prompt": .bool(addGenerationPrompt),
            "bos_token": .string(bosToken), "eos_token": .string(eosToken),
        ]
    }

    /// Whether a rendered prompt leaves a think block open at its end, so that the answer begins inside it and holds only `</think>`.
    package static func endsInsideThinkBlock(_ prompt: String) -> Bool {
        prompt.stripped(left: false).utf8.reversed().starts(with: "<think>".utf8.reversed())
    }
}
