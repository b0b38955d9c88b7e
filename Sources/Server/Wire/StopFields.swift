import Engine
import JSONText

/// The fields that say when an answer ends. `stop` is one string or a list; `stop_token_ids`, `ignore_eos` and
/// `include_stop_str_in_output` are vLLM's.
struct StopFields {
    /// As asked; nil when the request does not say.
    let maxTokens: Int?
    /// What the request calls it.
    let maxTokensField: String
    private let conditions: StopConditions

    /// A text that is only read.
    static let nothing = StopFields(maxTokens: 0)

    private init(maxTokens: Int) {
        (self.maxTokens, maxTokensField, conditions) = (maxTokens, "max_tokens", StopConditions(maxTokens: maxTokens))
    }

    /// OpenAI's name, which wins, and the one that it had before.
    private static let maxTokensFields = ["max_completion_tokens", "max_tokens"]

    init(_ fields: FieldReader, settings: ServerSettings, vocabSize: Int) throws(APIError) {
        var conditions = StopConditions(maxTokens: 0)
        conditions.strings = try Self.strings(fields, settings)
        if let ids = try fields.array("stop_token_ids", of: "an array of token ids") {
            conditions.tokens = Set(try FieldReader.tokens(ids, path: "stop_token_ids", vocabSize: vocabSize, limit: settings.maxTokenIDs))
        }
        conditions.ignoreEOS = try fields.bool("ignore_eos") ?? false
        conditions.includeStopText = try fields.bool("include_stop_str_in_output") ?? false
        self.conditions = conditions

        var asked: (name: String, tokens: Int)?
        for name in Self.maxTokensFields {
            guard let value = try fields.int(name, in: 0 ... .max) else { continue }
            if let limit = settings.maxTokens, value > limit {
                throw .bad(name, "\(name) is \(value), but this server allows at most \(limit)")
            }
            if asked == nil { asked = (name, value) }
        }
        maxTokens = asked?.tokens
        maxTokensField = asked?.name ?? "max_tokens"
    }

    /// The conditions for a prompt of `promptTokens`.
    ///
    /// - Throws: 400 `context_length_exceeded` when the prompt alone, or with the tokens asked for, does not fit.
    func conditions(promptTokens: Int, contextLength: Int, defaultTokens: Int?, param: String, settings: ServerSettings) throws(APIError)
        -> StopConditions
    {
        let room = contextLength - promptTokens
        guard room > 0 || (room == 0 && maxTokens == 0) else {
            throw .bad(
                param, "the prompt has \(promptTokens) tokens, but the context holds \(contextLength), the answer included; shorten it",
                code: "context_length_exceeded")
        }
        if let maxTokens, maxTokens > room {
            throw .bad(
                maxTokensField,
                "\(maxTokensField) is \(maxTokens), but after \(promptTokens) prompt tokens the context of \(contextLength) has room for \(room)",
                code: "context_length_exceeded")
        }
        var conditions = conditions
        conditions.maxTokens = maxTokens ?? min(room, defaultTokens ?? room, settings.maxTokens ?? room)
        return conditions
    }

    private static func strings(_ fields: FieldReader, _ settings: ServerSettings) throws(APIError) -> [String] {
        guard let value = fields["stop"] else { return [] }
        let values: [JSON]
        switch value {
        case .string: values = [value]
        case .array(let elements): values = elements
        default: throw fields.wrong("stop", value, "a string or an array of strings")
        }
        guard values.count <= settings.maxStopStrings else {
            throw .bad("stop", "stop has \(values.count) strings; at most \(settings.maxStopStrings) are allowed")
        }
        var strings: [String] = []
        for (index, value) in values.enumerated() {
            guard let text = value.string else { throw fields.wrong("stop[\(index)]", value, "a string") }
            guard !text.isEmpty else { throw .bad("stop", "a stop string must not be empty") }
            guard text.utf8.count <= settings.maxStopBytes else {
                throw .bad("stop", "a stop string has \(text.utf8.count) bytes; at most \(settings.maxStopBytes) are allowed")
            }
            strings.append(text)
        }
        return strings
    }
}
