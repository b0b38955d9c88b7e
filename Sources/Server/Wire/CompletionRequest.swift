import Engine

/// The body of `POST /v1/completions`. Fields it does not know are ignored.
struct CompletionRequest {
    let prompts: [PromptField]
    let addsSpecialTokens: Bool
    let sampling: SamplingFields
    let stop: StopFields
    let stream: StreamFields
    /// Continuations of each prompt.
    let choices: Int
    /// Alternatives per token; nil for no log-probabilities.
    let logprobs: Int?
    /// Give the prompt back in front of the answer, with its log-probabilities when asked for any.
    let echo: Bool
    let skipsSpecialTokens: Bool
    let observesPrompt: Bool

    init(_ fields: FieldReader, service: some InferenceService, settings: ServerSettings) throws(APIError) {
        prompts = try PromptField.read(fields, vocabSize: service.vocabSize, settings: settings)
        addsSpecialTokens = try fields.bool("add_special_tokens") ?? true
        sampling = try SamplingFields(fields, defaults: service.defaultSampling, vocabSize: service.vocabSize)
        stop = try StopFields(fields, settings: settings, vocabSize: service.vocabSize)
        stream = try StreamFields(fields)
        choices = try fields.int("n", in: 1...settings.maxChoices) ?? 1
        logprobs = try fields.int("logprobs", in: 0...settings.maxLogprobs)
        echo = try fields.bool("echo") ?? false
        skipsSpecialTokens = try fields.bool("skip_special_tokens") ?? true
        observesPrompt = try fields.bool("observe_prompt") ?? false
        guard prompts.count * choices <= settings.maxChoices else {
            throw .bad(
                "n", "\(prompts.count) prompts with \(choices) choices each are more than the \(settings.maxChoices) allowed in one request"
            )
        }
        try UnservedFields.refuse(fields, on: .completion)
    }
}
