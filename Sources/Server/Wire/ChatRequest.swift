import AdapterRegistry
import Engine

/// The body of `POST /v1/chat/completions`. Fields it does not know are ignored.
struct ChatRequest {
    let model: ModelField
    let adapters: [AdapterSelection]
    let prompt: ChatPrompt
    let sampling: SamplingFields
    let stop: StopFields
    let stream: StreamFields
    let choices: Int
    /// Alternatives per token; nil for no log-probabilities.
    let logprobs: Int?
    let includesReasoning: Bool
    let observesPrompt: Bool

    init(
        _ fields: FieldReader, header: [AdapterSelection]?, service: some InferenceService, adapterNames: [String], settings: ServerSettings
    )
        throws(APIError)
    {
        model = try ModelField(fields, base: service.modelName, adapters: adapterNames)
        adapters = try AdapterChoice.combine(
            model: model.adapter, header: header, body: try AdapterFields.read(fields, limit: settings.maxAdapters))
        prompt = try ChatPrompt(fields, settings: settings)
        sampling = try SamplingFields(fields, defaults: service.defaultSampling, vocabSize: service.vocabSize)
        stop = try StopFields(
            fields, tokenFields: ["max_completion_tokens", "max_tokens"], settings: settings, vocabSize: service.vocabSize)
        stream = try StreamFields(fields)
        choices = try fields.int("n", in: 1...settings.maxChoices) ?? 1
        logprobs = try Self.logprobs(fields, settings)
        includesReasoning = try fields.bool("include_reasoning") ?? true
        observesPrompt = try fields.bool("observe_prompt") ?? false
        try Self.refuseUnsupported(fields)
    }

    private static func logprobs(_ fields: FieldReader, _ settings: ServerSettings) throws(APIError) -> Int? {
        let wanted = try fields.bool("logprobs") ?? false
        let top = try fields.int("top_logprobs", in: 0...settings.maxLogprobs)
        if let top, top > 0, !wanted { throw .bad("top_logprobs", "top_logprobs needs \"logprobs\": true") }
        return wanted ? top ?? 0 : nil
    }

    private static func refuseUnsupported(_ fields: FieldReader) throws(APIError) {
        if let format = try fields.object("response_format"), let type = try format.string("type"), type != "text" {
            throw .unsupported("response_format", "response_format of type \(type.prefix(40)) is not supported; only text is")
        }
        if let modalities = try fields.array("modalities"), modalities.contains(where: { $0.string != "text" }) {
            throw .unsupported("modalities", "only the modality text is supported")
        }
    }
}
