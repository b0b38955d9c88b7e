import Engine
import Hummingbird

extension Endpoint {
    /// One prompt, several adapter variants: the layers they share are computed once.
    static let compare = Endpoint(method: .post, path: "/v1/compare") { request, context, state in
        let fields = try await RequestBodyReader.fields(request, state.settings)
        let service = state.service
        let choice = try await state.adapters(request, fields)
        let variants = try CompareVariants(fields, beside: choice, state.settings)
        let prompt = try PromptSource(fields, service, state.settings)
        let generation = try GenerationFields(fields, on: .compare, model: service.model, settings: state.settings)
        let tokens = try prompt.tokens(state, addsSpecialTokens: try fields.bool("add_special_tokens"))
        let client = try ClientIdentity.read(fields, context, state.settings)
        let id = GenerationPlan.makeID("cmp-")
        var compared: [CompareAnswer.Variant] = []
        var wanted: [GenerationRequest] = []
        for variant in variants.list {
            var one = try generation.request(id: "\(id)-\(wanted.count)", tokens, state, client: client)
            let adapters = try await state.resolve(variant.adapters, place: variant.place)
            one.adapters = adapters.set
            wanted.append(one)
            compared.append(CompareAnswer.Variant(label: variant.label, adapters: adapters))
        }
        let plan = generation.plan(
            id: id, model: service.model.name, wanted, fingerprint: service.model.fingerprint, field: prompt.field, place: "variants")
        let responder = GenerationResponder(state: state, context: context)
        let answer = CompareAnswer(
            plan, variants: compared, includesReasoning: generation.includesReasoning,
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
}
