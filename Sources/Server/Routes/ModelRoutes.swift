import AdapterRegistry
import Hummingbird
import JSONText

extension Endpoint {
    /// The base model, and every usable adapter as a model whose parent it is.
    static let models = Endpoint(method: .get, path: "/v1/models") { _, _, state in
        let adapters = await state.service.adapters(looksAgain: true).filter { $0.error == nil }
        return .json(["object": "list", "data": .array([state.baseModel] + adapters.map { state.adapterModel($0, id: $0.name) })])
    }

    static let model = Endpoint(method: .get, path: "/v1/models/**") { _, context, state in
        let name = context.pathTail
        let base = state.service.model.name
        if name == base { return .json(state.baseModel) }
        let adapters = await state.service.adapters(looksAgain: true)
        let wanted = AdapterReference.canonical(name.hasPrefix(base + ":") ? String(name.dropFirst(base.count + 1)) : name)
        guard let adapter = adapters.first(where: { $0.name == wanted && $0.error == nil }) else {
            throw ModelField.unknown(name, base: base, adapters: adapters.map(\.name))
        }
        return .json(state.adapterModel(adapter, id: name))
    }
}

extension ServerRequestContext {
    /// What `**` stands for in the path.
    var pathTail: String {
        let tail = parameters.getCatchAll().joined(separator: "/")
        return tail.removingPercentEncoding ?? tail
    }
}

extension ServerState {
    /// With what tells whether two servers' answers come of the same weights, held the same way.
    fileprivate var baseModel: JSON {
        guard case .object(var card) = modelCard(service.model.name, parent: .null) else { return .null }
        card["resa"] = ["digest": .optional(service.model.digest), "fingerprint": .string(service.model.fingerprint)]
        return .object(card)
    }

    /// - Parameter id: what the request calls it.
    fileprivate func adapterModel(_ adapter: AdapterSummary, id: String) -> JSON {
        guard case .object(var card) = modelCard(id, parent: .string(service.model.name)) else { return .null }
        card["resa"] = ["kind": .optional(adapter.kind?.rawValue), "digest": .optional(adapter.digest)]
        return .object(card)
    }

    private func modelCard(_ name: String, parent: JSON) -> JSON {
        [
            "id": .string(name), "object": "model", "created": .int(started), "owned_by": "resa",
            "root": .string(service.model.name), "parent": parent, "max_model_len": .int(service.model.contextLength),
        ]
    }
}
