import AdapterRegistry
import Adapters
import HTTPTypes
import Hummingbird

/// Changing what is served. Off unless the operator allows it.
extension Endpoint {
    static let addAdapter = Endpoint(method: .post, path: "/v1/adapters") { request, _, state in
        let keeper = try state.keeper(for: request)
        let fields = try await RequestBodyReader.fields(request, state.settings)
        guard let source = try fields.string("source"), let name = try fields.string("name") else {
            let missing = fields["source"] == nil ? "source" : "name"
            throw APIError.bad(missing, "\(missing) is missing; send {\"source\": a path, a stored name, hf: or https:, \"name\": NAME}")
        }
        let (replaces, loads) = (try fields.bool("replace") ?? true, try fields.bool("load") ?? true)
        return .json(
            try await changing { () throws(AdapterChangeError) in
                try await keeper.add(source: source, as: name, replaces: replaces, loads: loads)
            }.json)
    }

    static let removeAdapter = Endpoint(method: .delete, path: "/v1/adapters/**") { request, context, state in
        let keeper = try state.keeper(for: request)
        let name = context.pathTail
        try await changing { () throws(AdapterChangeError) in try await keeper.remove(name) }
        return .json(["id": .string(name), "object": "adapter.deleted", "deleted": true])
    }

    /// `/v1/adapters/NAME/load`, `unload`, `pin` and `unpin`.
    static let adapterVerbs = Endpoint(method: .post, path: "/v1/adapters/**") { request, context, state in
        let parts = context.pathTail.split(separator: "/")
        guard parts.count == 2, let verb = AdapterVerb(rawValue: String(parts[1])) else {
            throw APIError.notFound(
                "there is no POST \(request.uri.path); after an adapter's name come \(AdapterFields.names(AdapterVerb.self))",
                code: "unknown_url")
        }
        let keeper = try state.keeper(for: request)
        let name = String(parts[0])
        let fields = try await RequestBodyReader.optionalFields(request, state.settings)
        let layer = try fields.int("layer", in: 0...65535)
        let site = try fields.string("at").map { text throws(APIError) in
            guard let site = HookPoint.Site(rawValue: text) else {
                throw APIError.bad("at", "at must be one of \(AdapterFields.names(HookPoint.Site.self)), not '\(text.prefix(40))'")
            }
            return site
        }
        return .json(
            try await changing { () throws(AdapterChangeError) in
                switch verb {
                case .load: try await keeper.load(name, layer: layer, site: site)
                case .pin: try await keeper.load(name, layer: layer, site: site, pins: true)
                case .unload: try await keeper.unload(name)
                case .unpin: try await keeper.unpin(name)
                }
            }.json)
    }
}

/// What can be done with an adapter.
private enum AdapterVerb: String, CaseIterable { case load, unload, pin, unpin }

/// Runs a change, and says what went wrong in the words of the API.
func changing<T: Sendable>(_ body: () async throws(AdapterChangeError) -> T) async throws(APIError) -> T {
    do {
        return try await body()
    } catch {
        throw APIError(error)
    }
}

extension ServerState {
    /// What changes adapters, if this request may.
    /// - Throws: 403 when the operator does not allow changes, or when a web page of elsewhere asks: a browser would send its requests to
    ///   this machine's own addresses without asking anybody.
    func keeper(for request: Request) throws(APIError) -> AdapterKeeper {
        guard let keeper = service.keeper else {
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
        return keeper
    }
}
