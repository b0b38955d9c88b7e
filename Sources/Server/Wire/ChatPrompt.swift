import Jinja

/// What a chat template is rendered with.
package struct ChatPrompt: Sendable {
    package let messages: [Value]
    package let tools: Value?
    package let addsGenerationPrompt: Bool
    /// Further variables of the template, such as `enable_thinking`.
    package let extra: [String: Value]
    /// The answer continues this content of the last message.
    private let continued: String?

    init(_ fields: FieldReader, settings: ServerSettings) throws(APIError) {
        let messages = try ChatMessages(fields, limit: settings.maxMessages)
        self.messages = messages.values
        let choice = fields["tool_choice"]?.string
        let tools = try fields.array("tools", of: "an array of tools")
        self.tools = tools.flatMap { $0.isEmpty || choice == "none" ? nil : Value(.array($0)) }

        let continues = try fields.bool("continue_final_message") ?? false
        let addsPrompt = try fields.bool("add_generation_prompt")
        if continues, addsPrompt == true {
            throw .bad("continue_final_message", "continue_final_message and add_generation_prompt exclude each other; send one as false")
        }
        addsGenerationPrompt = addsPrompt ?? !continues
        if continues {
            guard let content = messages.lastContent, !content.allSatisfy(\.isWhitespace) else {
                throw .bad("continue_final_message", "continue_final_message needs a last message with text to continue")
            }
            continued = content
        } else {
            continued = nil
        }

        var extra: [String: Value] = [:]
        if let kwargs = try fields.object("chat_template_kwargs") {
            for (key, value) in kwargs.object { extra[key] = Value(value) }
        }
        if let documents = try fields.array("documents", of: "an array of documents"), extra["documents"] == nil {
            extra["documents"] = Value(.array(documents))
        }
        if let effort = try Self.reasoningEffort(fields) {
            // As in vLLM: templates that know no efforts may know thinking.
            if extra["reasoning_effort"] == nil { extra["reasoning_effort"] = Value(.string(effort)) }
            if extra["enable_thinking"] == nil { extra["enable_thinking"] = Value(.bool(effort != "none")) }
        }
        self.extra = extra
    }

    private static let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]

    private static func reasoningEffort(_ fields: FieldReader) throws(APIError) -> String? {
        guard let effort = try fields.string("reasoning_effort") else { return nil }
        guard efforts.contains(effort) else {
            throw .bad(
                fields.path + "reasoning_effort",
                "reasoning_effort is '\(effort.prefix(40))'; it is one of \(efforts.joined(separator: ", "))")
        }
        return effort
    }

    /// The prompt: the rendered chat, cut off after the message to be continued.
    /// - Throws: 400 when the template changed that message beyond recognition.
    func prompt(rendered: String) throws(APIError) -> String {
        guard let continued else { return rendered }
        let content = continued.trimmingTrailingWhitespace()
        guard let range = rendered.ranges(of: content).last else {
            throw .bad("continue_final_message", "the chat template changes the last message, so it cannot be continued")
        }
        // Trailing white space belongs to the message where the template kept it.
        let whole = rendered[range.lowerBound...].hasPrefix(continued) ? continued : content
        return String(rendered[..<range.lowerBound]) + whole
    }

    /// Whether the answer starts inside `<think>`.
    func startsInReasoning(prompt: String) -> Bool {
        if let continued {
            guard let opened = continued.ranges(of: ReasoningSplitter.opening).last else { return false }
            return !continued[opened.upperBound...].contains(ReasoningSplitter.closing)
        }
        return addsGenerationPrompt && prompt.trimmingTrailingWhitespace().hasSuffix(ReasoningSplitter.opening)
    }
}

extension String {
    func trimmingTrailingWhitespace() -> String {
        guard let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[...last])
    }
}
