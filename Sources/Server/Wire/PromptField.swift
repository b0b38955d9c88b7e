import JSONText

/// `prompt`: a text, a list of texts, a list of token ids, or a list of lists of token ids.
enum PromptField {
    case text(String)
    case tokens([Int32])

    /// As it is given back in front of an answer.
    func text(_ service: some InferenceService) -> String {
        switch self {
        case .text(let text): text
        case .tokens(let tokens): service.decode(tokens)
        }
    }

    static func read(_ fields: FieldReader, vocabSize: Int, settings: ServerSettings) throws(APIError) -> [PromptField] {
        guard let value = fields["prompt"] else {
            throw .bad("prompt", "prompt is missing; send a string, an array of strings, or token ids")
        }
        let prompts: [PromptField]
        switch value {
        case .string(let text): prompts = [.text(text)]
        case .array(let elements): prompts = try list(elements, fields, vocabSize, settings.maxTokenIDs)
        default: throw fields.wrong("prompt", value, "a string, an array of strings, or token ids")
        }
        guard prompts.count <= settings.maxPrompts else {
            throw .bad("prompt", "prompt has \(prompts.count) entries; at most \(settings.maxPrompts) are allowed")
        }
        return prompts
    }

    private static func list(_ elements: [JSON], _ fields: FieldReader, _ vocabSize: Int, _ limit: Int) throws(APIError) -> [PromptField] {
        guard let first = elements.first else { throw .bad("prompt", "prompt is an empty array") }
        if first.double != nil {
            return [.tokens(try FieldReader.tokens(elements, path: "prompt", vocabSize: vocabSize, limit: limit))]
        }
        var prompts: [PromptField] = []
        for (index, element) in elements.enumerated() {
            switch element {
            case .string(let text) where first.string != nil:
                prompts.append(.text(text))
            case .array(let ids) where first.array != nil:
                guard !ids.isEmpty else { throw .bad("prompt[\(index)]", "prompt[\(index)] is an empty array") }
                prompts.append(.tokens(try FieldReader.tokens(ids, path: "prompt[\(index)]", vocabSize: vocabSize, limit: limit)))
            default:
                throw fields.wrong(
                    "prompt[\(index)]", element, first.string != nil ? "a string like the first" : "an array of token ids")
            }
        }
        return prompts
    }
}
