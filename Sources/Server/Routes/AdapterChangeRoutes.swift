import AdapterRegistry
import Adapters
import HTTPTypes
import Hummingbird

/// Changing what is served. Off unless the operator allows it.
extension Endpoint {
    static let addAdapter = Endpoint(method: .post, path: "/v1/adapters") { request, _, state in
        try state.allowChanges(request)
        let fields = try await RequestBodyReader.fields(request, state.settings)
        guard let source = try fields.string("source"), let name = try fields.string("name") else {
            let missing = fields["source"] == nil ? "source" : "name"
            throw APIError.bad(missing, "\(missing) is missing; send {\"source\": a path, a stored name, hf: or https:, \"name\": NAME}")
        }
        let (replaces, loads) = (try fields.bool("replace") ?? true, try fields.bool("load") ?? true)
        return try await state.change(.add(source: source, name: name, replaces: replaces, loads: loads))
    }

    static let removeAdapter = Endpoint(method: .delete, path: "/v1/adapters/**") { request, context, state in
        try state.allowChanges(request)
        return try await state.change(.remove(context.pathTail, onlyAdded: false))
    }

    /// `/v1/adapters/NAME/load`, `unload`, `pin` and `unpin`.
    static let adapterVerbs = Endpoint(method: .post, path: "/v1/adapters/**") { request, context, state in
        let parts = context.pathTail.split(separator: "/")
        guard parts.count == 2, let verb = AdapterVerb(rawValue: String(parts[1])) else {
            throw APIError.notFound(
                "there is no POST \(request.uri.path); after an adapter's name come \(AdapterVerb.names)",
                code: "unknown_url")
        }
        try state.allowChanges(request)
        let name = String(parts[0])
        let fields = try await RequestBodyReader.optionalFields(request, state.settings)
        let (layer, site) = (try fields.int("layer", in: AdapterSelection.indices), try fields.site("at"))
        let change: AdapterChange =
            switch verb {
            case .load, .pin: .load(name, layer: layer, site: site, pins: verb == .pin)
            case .unload: .unload(name)
            case .unpin: .unpin(name)
            }
        return try await state.change(change)
    }
}

/// What can be done with an adapter.
private enum AdapterVerb: String, CaseIterable { case load, unload, pin, unpin }

extension ServerState {
    /// Makes a change, and answers with the adapter as it is then.
    fileprivate func change(_ change: AdapterChange) async throws(APIError) -> Response {
        do {
            guard let adapter = try await service.change(change) else {
                guard case .remove(let name, _) = change else { return .json([:]) }
                return .json(["id": .string(name), "object": "adapter.deleted", "deleted": true])
            }
            return .json(adapter.json)
        } catch {
            throw APIError(error)
        }
    }

    /// - Throws: 403 when the operator does not allow changes, or when a web page of elsewhere asks: a browser would send its requests to
    ///   this machine's own addresses without asking anybody.
    func allowChanges(_ request: Request) throws(APIError) {
        guard service.model.adaptersMayChange else {
            throw APIError(
                status: .forbidden, message: "adapters cannot be changed over HTTP; the operator can allow it with --allow-adapter-changes",
                code: "adapter_changes_off")
        }
        if let origin = request.headers[.origin], !settings.allows(origin: origin) {
            throw APIError(
                status: .forbidden,
                message: "pages of '\(origin.prefix(200))' may not change adapters; the operator can allow them with --cors-origin",
                code: "origin_not_allowed")
        }
    }
}
