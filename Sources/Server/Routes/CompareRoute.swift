import Engine
import Foundation
import Hummingbird

extension Endpoint {
    /// One prompt, several adapter variants: the layers they share are computed once.
    static let compare = Endpoint(method: .post, path: "/v1/compare") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        try Self.refuseOutsideVariants(choice, request, fields)
        let compare = try CompareRequest(fields, service: service, settings: state.settings)
        let (tokens, startsInReasoning) = try compare.prompt.tokens(
            state, addsSpecialTokens: try fields.bool("add_special_tokens"))
        let stop = try compare.stop.conditions(
            promptTokens: tokens.count, contextLength: service.contextLength, defaultTokens: state.settings.defaultCompletionTokens,
            param: compare.prompt.field, settings: state.settings)
        let client = try ClientIdentity.read(fields, context, state.settings)
        let id = GenerationPlan.makeID("cmp-")
        var variants: [CompareAnswer.Variant] = []
        var requests: [GenerationRequest] = []
        for variant in compare.variants {
            let adapters = try await state.resolve(variant.adapters, place: "variants[\(variants.count)].adapters")
            var generation = GenerationRequest(
                id: "\(id)-\(variants.count)", prompt: tokens, adapters: adapters.set, sampling: compare.sampling.parameters, stop: stop)
            generation.reasoning = ReasoningTags(startsInside: startsInReasoning, isShown: compare.includesReasoning)
            generation.client = client
            generation.skipsSpecialTokens = compare.skipsSpecialTokens
            requests.append(generation)
            variants.append(CompareAnswer.Variant(label: variant.label, adapters: adapters))
        }
        let plan = GenerationPlan(
            id: id, created: Int(Date().timeIntervalSince1970), model: service.modelName, fingerprint: service.fingerprint,
            requests: requests, choices: 1, applied: [], streams: false, includesUsage: false,
            names: FieldNames(prompt: compare.prompt.field, maxTokens: compare.stop.maxTokensField, adapters: "variants"))
        let responder = GenerationResponder(state: state, context: context)
        let answer = CompareAnswer(
            plan, variants: variants, includesReasoning: compare.includesReasoning,
            bytes: { service.bytes(of: $0) },
            score: { request throws(APIError) in
                do throws(EngineError) {
                    return try await service.score(request)
                } catch {
                    throw responder.apiError(error, plan)
                }
            })
        return try await responder.respond(plan, answer)
    }

    /// Every variant says all of its adapters, `[]` for none: what is named beside them would have to join or to contradict them.
    private static func refuseOutsideVariants(_ choice: AdapterChoice, _ request: Request, _ fields: FieldReader) throws(APIError) {
        let isNamed = choice.model.adapter != nil || fields[AdapterChoice.field] != nil || request.headers[AdapterHeader.name] != nil
        guard isNamed else { return }
        let place = choice.place
        throw .bad(
            place,
            "\(place == AdapterHeader.name.rawName ? "header " : "")\(place) names adapters, but a comparison names them in variants; leave it out"
        )
    }
}
