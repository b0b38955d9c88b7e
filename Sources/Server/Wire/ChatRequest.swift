import Engine

/// The body of `POST /v1/chat/completions`. Fields it does not know are ignored.
struct ChatRequest {
    let prompt: ChatPrompt
    /// Put BOS in front of what the template wrote.
    let addsSpecialTokens: Bool
    let sampling: SamplingFields
    let stop: StopFields
    let stream: StreamFields
    let choices: Int
    /// Alternatives per token; nil for no log-probabilities.
    let logprobs: Int?
    let includesReasoning: Bool
    let skipsSpecialTokens: Bool
    let observesPrompt: Bool

    init(_ fields: FieldReader, service: some InferenceService, settings: ServerSettings) throws(APIError) {
        prompt = try ChatPrompt(fields, settings: settings)
        addsSpecialTokens = try fields.bool("add_special_tokens") ?? false
        sampling = try SamplingFields(fields, defaults: service.defaultSampling, vocabSize: service.vocabSize)
        stop = try StopFields(fields, settings: settings, vocabSize: service.vocabSize)
        stream = try StreamFields(fields)
        choices = try fields.int("n", in: 1...settings.maxChoices) ?? 1
        logprobs = try Self.logprobs(fields, settings)
        includesReasoning = try fields.bool("include_reasoning") ?? true
        skipsSpecialTokens = try fields.bool("skip_special_tokens") ?? true
        observesPrompt = try fields.bool("observe_prompt") ?? false
        try UnservedFields.refuse(fields, on: .chat)
    }

    private static func logprobs(_ fields: FieldReader, _ settings: ServerSettings) throws(APIError) -> Int? {
        let wanted = try fields.bool("logprobs") ?? false
        let top = try fields.int("top_logprobs", in: 0...settings.maxLogprobs)
        if let top, top > 0, !wanted { throw .bad("top_logprobs", "top_logprobs needs \"logprobs\": true") }
        return wanted ? top ?? 0 : nil
    }
}
