import Engine
import Foundation
import Hummingbird

extension Endpoint {
    static let completions = Endpoint(method: .post, path: "/v1/completions") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        let completion = try CompletionRequest(fields, service: service, settings: state.settings)
        let id = GenerationPlan.makeID("cmpl-")
        var requests: [GenerationRequest] = []
        var echoes: [String] = []
        for prompt in completion.prompts {
            let tokens: [Int32]
            switch prompt {
            case .text(let text):
                tokens = try state.encode(text, addSpecialTokens: completion.addsSpecialTokens)
                if completion.echo { echoes.append(text) }
            case .tokens(let ids):
                tokens = ids
                if completion.echo { echoes.append(service.decode(ids)) }
            }
            guard !tokens.isEmpty else { throw APIError.bad("prompt", EngineError.promptEmpty.description) }
            var generation = GenerationRequest(
                id: "\(id)-\(requests.count)", prompt: tokens, sampling: completion.sampling.parameters,
                stop: try completion.stop.conditions(
                    promptTokens: tokens.count, contextLength: service.contextLength,
                    defaultTokens: state.settings.defaultCompletionTokens, param: "prompt", settings: state.settings))
            generation.choices = completion.choices
            generation.logprobs = completion.logprobs
            generation.skipsSpecialTokens = completion.skipsSpecialTokens
            generation.promptLogprobs = completion.echo ? completion.logprobs : nil
            requests.append(generation)
        }
        let features = try await state.features(fields)
        let adapters = try await state.resolve(choice, beside: features)
        let client = try ClientIdentity.read(fields, context, state.settings)
        for index in requests.indices {
            requests[index].adapters = adapters.set
            requests[index].client = client
            requests[index].observesPrompt = completion.observesPrompt || features?.includesPrompt == true
        }
        let plan = GenerationPlan(
            id: id, created: Int(Date().timeIntervalSince1970), model: choice.model.name, fingerprint: service.fingerprint,
            requests: requests, choices: completion.choices, applied: adapters.applied, streams: completion.stream.streams,
            includesUsage: completion.stream.includesUsage, labels: adapters.labels,
            names: FieldNames(maxTokens: completion.stop.maxTokensField, adapters: choice.place))
        let answer = CompletionAnswer(plan, echoes: completion.echo ? echoes : nil, bytes: { service.bytes(of: $0) })
        return try await GenerationResponder(state: state, context: context).respond(plan, answer)
    }
}
