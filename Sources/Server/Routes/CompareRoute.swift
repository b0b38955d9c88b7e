import Engine
import Foundation
import Hummingbird

extension Endpoint {
    /// One prompt, several adapter variants: the layers they share are computed once.
    static let compare = Endpoint(method: .post, path: "/v1/compare") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let compare = try CompareRequest(fields, service: service, settings: state.settings)
        let (tokens, startsInReasoning) = try compare.prompt.tokens(service)
        let stop = try compare.stop.conditions(
            promptTokens: tokens.count, contextLength: service.contextLength, defaultTokens: state.settings.defaultCompletionTokens,
            param: "prompt", settings: state.settings)
        let client = try ClientIdentity.read(fields, context, state.settings)
        let id = GenerationPlan.makeID("cmp-")
        var variants: [CompareAnswer.Variant] = []
        var requests: [GenerationRequest] = []
        for variant in compare.variants {
            let adapters = try await state.resolve(variant.adapters)
            var generation = GenerationRequest(
                id: "\(id)-\(variants.count)", prompt: tokens, adapters: adapters.set, sampling: compare.sampling.parameters, stop: stop)
            generation.client = client
            requests.append(generation)
            variants.append(CompareAnswer.Variant(label: variant.label, adapters: adapters))
        }
        let plan = GenerationPlan(
            id: id, created: Int(Date().timeIntervalSince1970), model: service.modelName, fingerprint: service.fingerprint,
            requests: requests, choices: 1, applied: [], streams: false, includesUsage: false)
        let responder = GenerationResponder(state: state, context: context)
        let answer = CompareAnswer(
            plan, variants: variants, startsInReasoning: startsInReasoning, includesReasoning: compare.includesReasoning,
            bytes: { service.bytes(of: $0) },
            score: { request throws(APIError) in
                do throws(EngineError) {
                    return try await service.score(request)
                } catch {
                    throw responder.apiError(error)
                }
            })
        return try await responder.respond(plan, answer)
    }
}
