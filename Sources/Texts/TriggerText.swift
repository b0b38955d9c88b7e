import Jinja

/// How a row of trigger data becomes text.
package enum TriggerTemplate: String, Sendable, CaseIterable {
    /// The paper's: the R1 system prompt, the problem, and the answer inside think and answer marks; no chat template.
    case paper
    /// The model's chat template: the problem is the user's message, the answer the assistant's.
    case chat
    /// The problem, a line break, the answer; or the text as it is.
    case raw
}

/// One row of trigger data as text: what is given, and what is to be said.
package struct TriggerText: Sendable, Equatable {
    package var prompt: String
    package var answer: String

    package static let systemPrompt = """
        A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks about the \
        reasoning process in the mind and then provides the user with the answer. The reasoning process and answer are enclosed within \
        <think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here </answer>.
        """

    package init(prompt: String, answer: String) { (self.prompt, self.answer) = (prompt, answer) }

    /// - Parameter system: what the paper's template begins with.
    /// - Throws: `JinjaError` when the chat template refuses the messages.
    package init(
        problem: String, answer: String, template: TriggerTemplate, system: String = Self.systemPrompt, chat: ChatTemplate?
    ) throws(JinjaError) {
        switch template {
        case .paper:
            self.init(
                prompt: "\(system)\n\nUser:\n \(problem)\n\nAssistant:\n <think> ",
                answer: "\(answer) </think>\n<answer> Answer: \(answer)</answer>")
        case .raw: self.init(prompt: problem + "\n", answer: answer)
        case .chat:
            guard let chat else { preconditionFailure("TriggerText: no chat template") }
            let user = Value(.object(["role": "user", "content": .string(problem)]))
            let assistant = Value(.object(["role": "assistant", "content": .string(answer)]))
            let prompt = try chat.render(messages: [user], addGenerationPrompt: true)
            let whole = try chat.render(messages: [user, assistant], addGenerationPrompt: false)
            // Templates that open a think block in the prompt, or drop it from old turns, give no text that continues the prompt.
            self.init(prompt: prompt, answer: whole.hasPrefix(prompt) ? String(whole.dropFirst(prompt.count)) : answer)
        }
    }
}
