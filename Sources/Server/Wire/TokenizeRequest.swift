/// The body of `POST /tokenize`: a text under `prompt` or `content`, or a chat under `messages`.
enum TokenizeRequest {
    case text(String, addsSpecialTokens: Bool)
    case chat(ChatPrompt, addsSpecialTokens: Bool)

    init(_ fields: FieldReader, settings: ServerSettings) throws(APIError) {
        var special = try fields.bool("add_special_tokens")
        // llama-server's name of it.
        if special == nil { special = try fields.bool("add_special") }
        try UnservedFields.refuse(fields, on: .tokenize)
        if fields["messages"] != nil {
            self = .chat(try ChatPrompt(fields, settings: settings), addsSpecialTokens: special ?? false)
            return
        }
        let prompt = try fields.string("prompt")
        let content = try fields.string("content")
        guard let text = prompt ?? content else {
            throw .bad("prompt", "prompt is missing; send the text as prompt or content, or a chat as messages")
        }
        self = .text(text, addsSpecialTokens: special ?? true)
    }
}
