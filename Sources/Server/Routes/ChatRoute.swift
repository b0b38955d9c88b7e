import Engine
import Foundation
import Hummingbird

extension Endpoint {
    static let chatCompletions = Endpoint(method: .post, path: "/v1/chat/completions") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        let chat = try ChatRequest(fields, service: service, settings: state.settings)
        let prompt = try service.render(chat.prompt)
        let tokens = try state.encode(prompt, addSpecialTokens: chat.addsSpecialTokens, param: "messages")
        let features = try await state.features(fields)
        let adapters = try await state.resolve(choice, beside: features)

        let id = GenerationPlan.makeID("chatcmpl-")
        var generation = GenerationRequest(
            id: id, prompt: tokens, adapters: adapters.set, sampling: chat.sampling.parameters,
            stop: try chat.stop.conditions(
                promptTokens: tokens.count, contextLength: service.contextLength, defaultTokens: nil, param: "messages",
                settings: state.settings))
        generation.choices = chat.choices
        generation.reasoning = ReasoningTags(
            startsInside: chat.prompt.startsInReasoning(prompt: prompt), isShown: chat.includesReasoning)
        generation.logprobs = chat.logprobs
        generation.skipsSpecialTokens = chat.skipsSpecialTokens
        generation.observesPrompt = chat.observesPrompt || features?.includesPrompt == true
        generation.client = try ClientIdentity.read(fields, context, state.settings)
        let plan = GenerationPlan(
            id: id, created: Int(Date().timeIntervalSince1970), model: choice.model.name, fingerprint: service.fingerprint,
            requests: [generation], choices: chat.choices, applied: adapters.applied, streams: chat.stream.streams,
            includesUsage: chat.stream.includesUsage, labels: adapters.labels,
            names: FieldNames(prompt: "messages", maxTokens: chat.stop.maxTokensField, adapters: choice.place))
        let answer = ChatAnswer(plan, includesReasoning: chat.includesReasoning, bytes: { service.bytes(of: $0) })
        return try await GenerationResponder(state: state, context: context).respond(plan, answer)
    }
}
