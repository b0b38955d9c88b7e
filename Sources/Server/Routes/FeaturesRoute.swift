import Hummingbird

extension Endpoint {
    /// Reads the strongest latents of every token of a text (`prompt`) or chat (`messages`), and generates nothing.
    static let features = Endpoint(method: .post, path: "/v1/features") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        let features = try FeatureFields(fields, adapters: await service.adapters(looksAgain: true), whole: true)
        let prompt = try PromptSource(fields, service, state.settings)
        let reading = try GenerationFields(fields, on: .features, model: service.model, settings: state.settings)
        let id = GenerationPlan.makeID("feat-")
        var wanted = try reading.request(
            id: id, try prompt.tokens(state, addsSpecialTokens: try fields.bool("add_special_tokens")), state,
            client: try ClientIdentity.read(fields, context, state.settings))
        let adapters = try await state.resolve(choice, beside: features)
        wanted.adapters = adapters.set
        let plan = reading.plan(
            id: id, model: choice.model.name, [wanted], adapters, fingerprint: service.model.fingerprint, field: prompt.field,
            place: choice.place)
        let answer = FeaturesAnswer(plan, bytes: { service.bytes(of: $0) })
        return try await GenerationResponder(state: state, context: context).respond(plan, answer)
    }
}
