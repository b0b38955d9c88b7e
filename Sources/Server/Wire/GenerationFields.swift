import Adapters
import Engine
import Foundation
import JSONText

/// What the body of every generating request says in the same way, beside its prompt and its adapters. Fields it does not know are ignored.
struct GenerationFields {
    let route: UnservedFields.Route
    let sampling: SamplingParameters
    let stop: StopFields
    let stream: StreamFields
    /// Continuations of each prompt.
    let choices: Int
    /// Alternatives per token; nil for no log-probabilities.
    let logprobs: Int?
    /// Tell the reasoning from the content, and whether to show it.
    let includesReasoning: Bool
    let skipsSpecialTokens: Bool
    let observesPrompt: Bool

    /// - Throws: 400 for a field that holds what it must not, and for one that asks `route` for something it does not do.
    init(_ fields: FieldReader, on route: UnservedFields.Route, model: ServedModel, settings: ServerSettings) throws(APIError) {
        self.route = route
        let isOpenAI = route == .chat || route == .completion
        let generates = isOpenAI || route == .compare
        sampling = try generates ? SamplingFields(fields, model).parameters : SamplingParameters()
        stop = try generates ? StopFields(fields, settings: settings, vocabSize: model.vocabSize) : .nothing
        stream = try isOpenAI ? StreamFields(fields) : .whole
        choices = try isOpenAI ? fields.int("n", in: 1...settings.maxChoices) ?? 1 : 1
        logprobs =
            switch route {
            case .chat: try Self.chatLogprobs(fields, settings)
            case .completion: try fields.int("logprobs", in: 0...settings.maxLogprobs)
            case .compare, .features, .tokenize: nil
            }
        let tellsReasoning = route == .chat || route == .compare
        includesReasoning = try tellsReasoning ? fields.bool("include_reasoning") ?? true : true
        skipsSpecialTokens = try generates ? fields.bool("skip_special_tokens") ?? true : true
        observesPrompt = try isOpenAI ? fields.bool("observe_prompt") ?? false : route == .features
        try UnservedFields.refuse(fields, on: route)
    }

    private static func chatLogprobs(_ fields: FieldReader, _ settings: ServerSettings) throws(APIError) -> Int? {
        let wanted = try fields.bool("logprobs") ?? false
        let top = try fields.int("top_logprobs", in: 0...settings.maxLogprobs)
        if let top, top > 0, !wanted { throw .bad("top_logprobs", "top_logprobs needs \"logprobs\": true") }
        return wanted ? top ?? 0 : nil
    }

    /// The generation that continues a prompt, without adapters.
    /// - Throws: 400 when the prompt is empty where something must be read of it, or does not fit.
    func request(id: String, _ prompt: TokenisedPrompt, _ state: ServerState, client: String) throws(APIError) -> GenerationRequest {
        // A chat's prompt is the template's affair, and a comparison's the engine's.
        if prompt.tokens.isEmpty, route == .completion || route == .features {
            throw .bad(prompt.field, EngineError.promptEmpty.description)
        }
        var request = GenerationRequest(
            id: id, prompt: prompt.tokens, sampling: sampling,
            stop: try stop.conditions(
                promptTokens: prompt.tokens.count, contextLength: state.service.model.contextLength,
                defaultTokens: route == .chat ? nil : state.settings.defaultCompletionTokens, param: prompt.field,
                settings: state.settings))
        request.choices = choices
        request.logprobs = logprobs
        request.skipsSpecialTokens = skipsSpecialTokens
        request.observesPrompt = observesPrompt
        if route == .chat || route == .compare {
            request.reasoning = ReasoningTags(startsInside: prompt.startsInReasoning, isShown: includesReasoning)
        }
        request.client = client
        return request
    }

    /// - Parameters:
    ///   - model: what the request calls it.
    ///   - field: the field that holds the prompt.
    ///   - place: where adapters are named.
    func plan(
        id: String, model: String, _ requests: [GenerationRequest], _ adapters: ResolvedAdapters = .none, fingerprint: String,
        field: String, place: String
    ) -> GenerationPlan {
        GenerationPlan(
            id: id, created: Int(Date().timeIntervalSince1970), model: model, fingerprint: fingerprint, requests: requests,
            choices: choices, applied: adapters.applied, streams: stream.streams, includesUsage: stream.includesUsage,
            labels: adapters.labels, names: FieldNames(prompt: field, maxTokens: stop.maxTokensField, adapters: place))
    }
}
