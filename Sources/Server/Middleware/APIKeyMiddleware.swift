import Hummingbird

/// Asks for a bearer token when the server has API keys. `GET /health` stays open for load balancers.
struct APIKeyMiddleware: RouterMiddleware {
    private let keys: [[UInt8]]

    init(keys: [String]) {
        self.keys = keys.map { Array($0.utf8) }
    }

    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        guard keys.isEmpty || request.uri.path == "/health" || isAuthorized(request) else {
            throw APIError(
                status: .unauthorized,
                message: request.headers[.authorization] == nil
                    ? "an API key is needed; send it as: Authorization: Bearer KEY" : "the API key is wrong",
                code: "invalid_api_key")
        }
        return try await next(request, context)
    }

    private func isAuthorized(_ request: Request) -> Bool {
        guard let value = request.headers[.authorization] else { return false }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
        let given = Array(parts[1].utf8)
        // Every key is compared in full, so that the time taken says nothing about them.
        return keys.reduce(false) { Self.equal($1, given) || $0 }
    }

    private static func equal(_ key: [UInt8], _ given: [UInt8]) -> Bool {
        var difference = key.count ^ given.count
        for index in key.indices { difference |= Int(key[index] ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }
}
