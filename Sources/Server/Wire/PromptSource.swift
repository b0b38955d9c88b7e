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
        let prompts = try PromptField.read(fields, vocabSize: service.vocabSize, settings: settings)
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

    /// The prompt's tokens, and whether they end inside `<think>`.
    ///
    /// - Parameter special: whether BOS stands in front; nil for what is usual, of texts only.
    func tokens(
        _ state: ServerState, addsSpecialTokens special: Bool?
    ) throws(APIError) -> (tokens: [Int32], startsInReasoning: Bool) {
        switch self {
        case .chat(let chat):
            let text = try state.service.render(chat)
            return (
                try state.encode(text, addSpecialTokens: special ?? false, param: field), chat.startsInReasoning(prompt: text)
            )
        case .text(.text(let text)): return (try state.encode(text, addSpecialTokens: special ?? true), false)
        case .text(.tokens(let tokens)): return (tokens, false)
        }
    }
}
