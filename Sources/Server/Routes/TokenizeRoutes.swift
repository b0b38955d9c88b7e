import Hummingbird
import JSONText

extension Endpoint {
    /// Text or chat to token ids.
    static let tokenize = Endpoint(method: .post, path: "/tokenize") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        try await state.checkNames(try await state.adapters(request, fields))
        let service = state.service
        let tokens: [Int32]
        switch try TokenizeRequest(fields, settings: state.settings) {
        case .text(let text, let special): tokens = try state.encode(text, addSpecialTokens: special)
        case .chat(let chat, let special):
            tokens = try state.encode(try state.render(chat), addSpecialTokens: special, param: "messages")
        }
        let withStrings = try fields.bool("return_token_strs") ?? false
        try context.share?.grow(by: MemoryCost.ids(tokens.count) * (withStrings ? 3 : 1))
        var object = JSONObject([
            ("count", .int(tokens.count)), ("max_model_len", .int(service.model.contextLength)),
            ("tokens", .array(tokens.map { .int(Int($0)) })),
        ])
        if withStrings {
            object["token_strs"] = .array(tokens.map { .string(TokenText.text(service.bytes(of: $0))) })
        }
        return .json(.object(object))
    }

    /// Token ids to text, under the names that vLLM (`prompt`) and llama-server (`content`) use.
    static let detokenize = Endpoint(method: .post, path: "/detokenize") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        try await state.checkNames(try await state.adapters(request, fields))
        guard let ids = try fields.array("tokens", of: "an array of token ids") else {
            throw APIError.bad("tokens", "tokens is missing; send an array of token ids")
        }
        let text = state.service.decode(
            try FieldReader.tokens(
                ids, path: "tokens", vocabSize: state.service.model.vocabSize, limit: state.settings.maxTokenIDs))
        // Twice in the answer, and twice while that grows.
        try context.share?.grow(by: text.utf8.count * 4)
        return .json(["prompt": .string(text), "content": .string(text)])
    }
}

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
