import Hummingbird

extension Endpoint {
    static let chatCompletions = Endpoint(method: .post, path: "/v1/chat/completions") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        let prompt = PromptSource.chat(try ChatPrompt(fields, settings: state.settings))
        let addsSpecialTokens = try fields.bool("add_special_tokens")
        let generation = try GenerationFields(fields, on: .chat, model: service.model, settings: state.settings)
        let id = GenerationPlan.makeID("chatcmpl-")
        var wanted = try generation.request(
            id: id, try prompt.tokens(state, addsSpecialTokens: addsSpecialTokens), state,
            client: try ClientIdentity.read(fields, context, state.settings))
        let features = try await state.features(fields)
        let adapters = try await state.resolve(choice, beside: features)
        wanted.adapters = adapters.set
        if features?.includesPrompt == true { wanted.observesPrompt = true }
        let plan = generation.plan(
            id: id, model: choice.model.name, [wanted], adapters, fingerprint: service.model.fingerprint, field: prompt.field,
            place: choice.place)
        let answer = ChatAnswer(plan, includesReasoning: generation.includesReasoning, bytes: { service.bytes(of: $0) })
        return try await GenerationResponder(state: state, context: context).respond(plan, answer)
    }
}
