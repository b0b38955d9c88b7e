/// One prompt, as `messages` or as `prompt`.
enum PromptSource {
    case chat(ChatPrompt)
    case text(PromptField)

    /// - Throws: 400 unless there is exactly one prompt.
    init(_ fields: FieldReader, _ service: some InferenceService, _ settings: ServerSettings) throws(APIError) {
        guard fields["prompt"] != nil else {
            self = .chat(try ChatPrompt(fields, settings: settings))
            return
        }
        guard fields["messages"] == nil else { throw .bad("prompt", "prompt and messages exclude each other; send one of them") }
        let prompts = try PromptField.read(fields, vocabSize: service.model.vocabSize, settings: settings)
        guard prompts.count == 1 else { throw .bad("prompt", "prompt has \(prompts.count) entries; send one") }
        self = .text(prompts[0])
    }

    /// The field that holds it.
    var field: String {
        switch self {
        case .chat: "messages"
        case .text: "prompt"
        }
    }

    /// - Parameter special: whether BOS stands in front; nil for what is usual, of texts only.
    func tokens(_ state: ServerState, addsSpecialTokens special: Bool?) throws(APIError) -> TokenisedPrompt {
        switch self {
        case .chat(let chat):
            let text = try state.render(chat)
            return TokenisedPrompt(
                tokens: try state.encode(text, addSpecialTokens: special ?? false, param: field), field: field,
                startsInReasoning: chat.startsInReasoning(prompt: text))
        case .text(.text(let text)):
            return TokenisedPrompt(tokens: try state.encode(text, addSpecialTokens: special ?? true), field: field)
        case .text(.tokens(let tokens)): return TokenisedPrompt(tokens: tokens, field: field)
        }
    }
}

/// What the model reads of one prompt.
struct TokenisedPrompt {
    let tokens: [Int32]
    /// The field that holds the prompt.
    let field: String
    /// Whether it ends inside `<think>`.
    var startsInReasoning = false
}
