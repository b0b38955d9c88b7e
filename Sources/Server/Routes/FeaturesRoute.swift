import AdapterRegistry
import Engine
import Foundation
import Hummingbird

extension Endpoint {
    /// Reads the strongest latents of every token of a text (`prompt`) or chat (`messages`), and generates nothing.
    static let features = Endpoint(method: .post, path: "/v1/features") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let features = try FeatureFields(fields, adapters: await service.adapters(), whole: true)
        let own = try AdapterFields.read(fields, limit: state.settings.maxAdapters) ?? []
        let tokens = try PromptSource(fields, service, state.settings).tokens(service).tokens
        let room = service.contextLength
        guard !tokens.isEmpty else { throw APIError.bad("prompt", EngineError.promptEmpty.description) }
        guard tokens.count <= room else {
            throw APIError.bad(
                "prompt", "the text has \(tokens.count) tokens, but the context holds \(room); shorten it", code: "context_length_exceeded")
        }
        let adapters = try await state.resolve(features.selections + own)
        let id = GenerationPlan.makeID("feat-")
        var generation = GenerationRequest(id: id, prompt: tokens, adapters: adapters.set, stop: StopConditions(maxTokens: 0))
        generation.observesPrompt = true
        generation.client = try ClientIdentity.read(fields, context, state.settings)
        let plan = GenerationPlan(
            id: id, created: Int(Date().timeIntervalSince1970), model: service.modelName, fingerprint: service.fingerprint,
            requests: [generation], choices: 1, applied: adapters.applied, streams: false, includesUsage: false, labels: adapters.labels)
        let answer = FeaturesAnswer(plan, bytes: { service.bytes(of: $0) })
        return try await GenerationResponder(state: state, context: context).respond(plan, answer)
    }
}
