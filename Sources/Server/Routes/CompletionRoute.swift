import Engine
import Hummingbird

extension Endpoint {
    static let completions = Endpoint(method: .post, path: "/v1/completions") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        let prompts = try PromptField.read(fields, vocabSize: service.model.vocabSize, settings: state.settings)
        let addsSpecialTokens = try fields.bool("add_special_tokens")
        let generation = try GenerationFields(fields, on: .completion, model: service.model, settings: state.settings)
        // Give the prompt back in front of the answer, with its log-probabilities when asked for any.
        let echoes = try fields.bool("echo") ?? false
        guard prompts.count * generation.choices <= state.settings.maxChoices else {
            throw APIError.bad(
                "n",
                "\(prompts.count) prompts with \(generation.choices) choices each are more than the \(state.settings.maxChoices) allowed in one request"
            )
        }
        let id = GenerationPlan.makeID("cmpl-")
        let client = try ClientIdentity.read(fields, context, state.settings)
        var wanted: [GenerationRequest] = []
        for prompt in prompts {
            var one = try generation.request(
                id: "\(id)-\(wanted.count)", try PromptSource.text(prompt).tokens(state, addsSpecialTokens: addsSpecialTokens), state,
                client: client)
            if echoes { one.promptLogprobs = one.logprobs }
            wanted.append(one)
        }
        let features = try await state.features(fields)
        let adapters = try await state.resolve(choice, beside: features)
        for index in wanted.indices {
            wanted[index].adapters = adapters.set
            if features?.includesPrompt == true { wanted[index].observesPrompt = true }
        }
        let plan = generation.plan(
            id: id, model: choice.model.name, wanted, adapters, fingerprint: service.model.fingerprint, field: "prompt",
            place: choice.place)
        let answer = CompletionAnswer(
            plan, echoes: echoes ? prompts.map { $0.text(service) } : nil, bytes: { service.bytes(of: $0) })
        return try await GenerationResponder(state: state, context: context).respond(plan, answer)
    }
}
