import Engine
import Jinja

/// What a chat template is rendered with.
package struct ChatPrompt: Sendable {
    package let messages: [Value]
    package let tools: Value?
    package let addsGenerationPrompt: Bool
    /// Which of the model's templates was asked for; nil leaves the choice to the conversation.
    package let templateName: String?
    /// Further variables of the template, such as `enable_thinking`.
    package let extra: [String: Value]
    /// The answer continues this content of the last message.
    package let continued: String?

    /// The prompt that `template` makes of the chat, up to the end of the message to be continued.
    package func prompt(_ template: ChatTemplate) throws(ChatError) -> String {
        do {
            return try template.render(
                messages: messages, tools: tools, addGenerationPrompt: addsGenerationPrompt, continuesLast: continued != nil, extra: extra)
        } catch .continuation(let reason) {
            throw .notContinued(reason: "\(reason)")
        } catch {
            throw .refused(reason: "\(error)")
        }
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

/// Why a chat does not become a prompt.
package enum ChatError: Error, Sendable, Equatable {
    /// The model has no chat template.
    case noTemplate
    /// The model's template cannot be parsed.
    case unusable(reason: String)
    /// Of several templates none is meant where the request names none.
    case noDefault(reason: String)
    /// The request names a template that is not one of the model's.
    case unknownTemplate(names: [String])
    /// The template refuses the messages.
    case refused(reason: String)
    /// The template does not show the last message as it is.
    case notContinued(reason: String)
}
