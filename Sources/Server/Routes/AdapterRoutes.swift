import AdapterRegistry
import Adapters
import Checkpoints
import Foundation
import Hummingbird
import JSONText

extension Endpoint {
    /// Every adapter in the folder; one that cannot be used says why.
    static let adapters = Endpoint(method: .get, path: "/v1/adapters") { _, _, state in
        .json(["object": "list", "data": .array(await state.service.adapters(looksAgain: true).map(\.json))])
    }

    static let adapter = Endpoint(method: .get, path: "/v1/adapters/**") { _, context, state in
        let name = AdapterReference.canonical(context.pathTail)
        let adapters = await state.service.adapters(looksAgain: true)
        guard let adapter = adapters.first(where: { $0.name == name }) else {
            let near = NearNames.find(name, among: adapters.map(\.name))
            throw APIError(AdapterError.unknown(name: name, near: near))
        }
        return .json(adapter.json)
    }
}

extension AdapterSummary {
    var json: JSON {
        var object = JSONObject([
            ("id", .string(name)), ("object", "adapter"), ("name", .string(name)), ("kind", .optional(kind?.rawValue)),
            ("digest", .optional(digest)), ("state", .string(state.rawValue)),
            ("hookpoints", .array(hookpoints.map { .string($0.description) })), ("bytes", .int(bytes)),
            ("resident_bytes", .int(usage.residentBytes)), ("pinned", .bool(usage.isPinned)), ("in_use", .int(usage.requests)),
            ("uses", .int(usage.uses)), ("last_used", usage.lastUsed.map { .int(Int($0.timeIntervalSince1970)) } ?? .null),
        ])
        if kind == .sae { object["loaded_hookpoints"] = .array(usage.loadedHookpoints.map { .string($0.description) }) }
        if let rank { object["rank"] = .int(rank) }
        if let latents { object["latents"] = .int(latents) }
        if let baseModel { object["base_model"] = .string(baseModel) }
        if let description { object["description"] = .string(description) }
        if !labels.isEmpty {
            object["labels"] = .object(JSONObject(labels.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
        }
        if let error { object["error"] = .string(error) }
        return .object(object)
    }
}

extension ServerState {
    /// The adapters that a request names, wherever it does.
    func adapters(_ request: Request, _ fields: FieldReader) async throws(APIError) -> AdapterChoice {
        try AdapterChoice(
            fields, request.headers, base: service.model.name, known: await adapterNames(fields), limit: settings.maxAdapters)
    }

    /// Names that `model` may hold; the registry is only asked when the request names a model other than the base.
    private func adapterNames(_ fields: FieldReader) async -> [String] {
        let base = service.model.name
        guard let name = fields["model"]?.string, name != base else { return [] }
        return await adapterNames(likely: name.hasPrefix(base + ":") ? [name, String(name.dropFirst(base.count + 1))] : [name])
    }

    /// The names of all adapters; when one of `likely` is known already, those that are known.
    func adapterNames(likely: [String]) async -> [String] {
        let known = await service.adapters(looksAgain: false).map(\.name)
        if likely.contains(where: { known.contains(AdapterReference.canonical($0)) }) { return known }
        return await service.adapters(looksAgain: true).map(\.name)
    }

    /// Loads what is not loaded yet, and pins the versions for this request.
    /// - Parameter place: where the request names them.
    func resolve(_ selections: [AdapterSelection], place: String) async throws(APIError) -> ResolvedAdapters {
        guard !selections.isEmpty else { return .none }
        do {
            return try await service.resolve(selections)
        } catch {
            throw APIError(error, place: place)
        }
    }

    /// Makes sure that adapters exist which change nothing here: a name is never passed over in silence.
    func checkNames(_ choice: AdapterChoice) async throws(APIError) {
        for name in choice.selections.map(\.name) {
            let known = await adapterNames(likely: [name])
            guard !known.contains(name) else { continue }
            throw APIError(.unknown(name: name, near: NearNames.find(name, among: known)), place: choice.place)
        }
    }
}
