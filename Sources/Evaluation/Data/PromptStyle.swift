/// How a question is put to the model.
package enum PromptStyle: Sendable, Equatable {
    /// The paper's: R1's system prompt, the question as the user's message, through the chat template.
    case r1
    /// The question with a request to reason and to box the answer, through the chat template.
    case boxed
    /// The question alone, through the chat template.
    case plain
    /// The text that SAE-Tuning's adapters were made on, without a chat template: R1's system prompt, `User:`, `Assistant:`, `<think>`.
    case trigger
    /// A text with `{problem}` in it, without a chat template.
    case template(String)

    package static let names = ["r1", "boxed", "plain", "trigger"]

    package init?(name: String) {
        switch name {
        case "r1": self = .r1
        case "boxed": self = .boxed
        case "plain": self = .plain
        case "trigger": self = .trigger
        default: return nil
        }
    }

    /// DeepSeek-R1's (arXiv 2501.12948, table 1).
    package static let r1System = """
        A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks about \
        the reasoning process in the mind and then provides the user with the answer. The reasoning process and answer are enclosed within \
        <think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here \
        </answer>.
        """

    private static let request = "Please reason step by step, and put your final answer within \\boxed{}."

    package enum Prompt: Sendable, Equatable {
        /// For the chat template.
        case chat(system: String?, user: String)
        /// To be continued as it is.
        case text(String)
    }

    package func prompt(for question: String) -> Prompt {
        switch self {
        case .r1: .chat(system: Self.r1System, user: question)
        case .boxed: .chat(system: nil, user: question + "\n" + Self.request)
        case .plain: .chat(system: nil, user: question)
        case .trigger: .text(Self.r1System + "\nUser:\n \(question)\n\nAssistant:\n <think>")
        case .template(let text): .text(text.replacing("{problem}", with: question))
        }
    }

    package var isChat: Bool { if case .chat = prompt(for: "") { true } else { false } }

    /// As settings name it.
    package var summary: String {
        switch self {
        case .r1: "r1"
        case .boxed: "boxed"
        case .plain: "plain"
        case .trigger: "trigger"
        case .template(let text): "template \(text)"
        }
    }
}
