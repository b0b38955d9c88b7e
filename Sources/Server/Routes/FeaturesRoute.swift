import AdapterRegistry
import Engine
import Foundation
import Hummingbird

extension Endpoint {
    /// Reads the strongest latents of every token of a text (`prompt`) or chat (`messages`), and generates nothing.
    static let features = Endpoint(method: .post, path: "/v1/features") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        let features = try FeatureFields(fields, adapters: await service.adapters(), whole: true)
        let prompt = try PromptSource(fields, service, state.settings)
        try UnservedFields.refuse(fields, on: .features)
        let tokens = try prompt.tokens(state, addsSpecialTokens: try fields.bool("add_special_tokens")).tokens
        let room = service.contextLength
        guard !tokens.isEmpty else { throw APIError.bad(prompt.field, EngineError.promptEmpty.description) }
        guard tokens.count <= room else {
            throw APIError.bad(
                prompt.field, "the text has \(tokens.count) tokens, but the context holds \(room); shorten it",
                code: "context_length_exceeded")
        }
        let adapters = try await state.resolve(choice, beside: features)
        let id = GenerationPlan.makeID("feat-")
        var generation = GenerationRequest(id: id, prompt: tokens, adapters: adapters.set, stop: StopConditions(maxTokens: 0))
        generation.observesPrompt = true
        generation.client = try ClientIdentity.read(fields, context, state.settings)
        let plan = GenerationPlan(
            id: id, created: Int(Date().timeIntervalSince1970), model: choice.model.name, fingerprint: service.fingerprint,
            requests: [generation], choices: 1, applied: adapters.applied, streams: false, includesUsage: false, labels: adapters.labels,
            names: FieldNames(prompt: prompt.field, adapters: choice.place))
        let answer = FeaturesAnswer(plan, bytes: { service.bytes(of: $0) })
        return try await GenerationResponder(state: state, context: context).respond(plan, answer)
    }
}
