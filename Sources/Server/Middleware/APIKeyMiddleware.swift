import HTTPTypes
import Hummingbird

/// Asks for a key when the server has any, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`. What load balancers ask stays open.
struct APIKeyMiddleware: RouterMiddleware {
    static let header = HTTPField.Name("x-api-key")!
    private let keys: [[UInt8]]

    init(keys: [String]) {
        self.keys = keys.map { Array($0.utf8) }
    }

    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.apiKey = number(of: request)
        guard keys.isEmpty || context.apiKey != nil || Endpoint.isOpen(request.uri.path) else {
            let isMissing = request.headers[.authorization] == nil && request.headers[Self.header] == nil
            throw APIError(
                status: .unauthorized,
                message: isMissing
                    ? "an API key is needed; send it as: Authorization: Bearer KEY, or X-Api-Key: KEY" : "the API key is wrong",
                code: "invalid_api_key")
        }
        return try await next(request, context)
    }

    /// The place in the list of the key that the request carries.
    private func number(of request: Request) -> Int? {
        [Self.bearer(request.headers[.authorization]), request.headers[Self.header]].compactMap { $0 }.compactMap(find).first
    }

    private static func bearer(_ value: String?) -> String? {
        guard let parts = value?.split(separator: " ", maxSplits: 1), parts.count == 2, parts[0].lowercased() == "bearer" else {
            return nil
        }
        return String(parts[1])
    }

    private func find(_ given: String) -> Int? {
        let given = Array(given.utf8)
        var found: Int?
        // Every key is compared in full, so that the time taken says nothing about them.
        for (number, key) in keys.enumerated() where Self.equal(key, given) { found = found ?? number }
        return found
    }

    private static func equal(_ key: [UInt8], _ given: [UInt8]) -> Bool {
        var difference = key.count ^ given.count
        for index in key.indices { difference |= Int(key[index] ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }
}
