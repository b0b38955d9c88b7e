import HTTPTypes
import Hummingbird

/// Lets web pages of the allowed origins use the server from a browser (CORS): answers what browsers ask before they send a request, and
/// marks the answers that pages may read.
struct CrossOriginMiddleware: RouterMiddleware {
    /// Seconds a browser may remember an answer to its question; browsers cap it at two hours or more.
    private static let maxAge = "7200"
    private static let methods = "GET, POST, HEAD, DELETE, OPTIONS"
    private static let usualHeaders = [
        "accept", "authorization", "content-type", AdapterHeader.name.rawName, APIKeyMiddleware.header.rawName,
    ]
    private static let exposed = [ResaFields.appliedHeader, RequestIDMiddleware.header, .retryAfter].map(\.rawName).joined(separator: ", ")

    let settings: ServerSettings

    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        guard !settings.allowedOrigins.isEmpty else { return try await next(request, context) }
        let origin = request.headers[.origin].flatMap { settings.allows(origin: $0) ? $0 : nil }
        guard let origin, request.method == .options else {
            var response = try await next(request, context)
            mark(&response.headers, for: origin)
            return response
        }
        var headers: HTTPFields = [.accessControlAllowMethods: Self.methods, .accessControlMaxAge: Self.maxAge]
        headers[.accessControlAllowHeaders] = Self.allowedHeaders(request.headers[.accessControlRequestHeaders])
        mark(&headers, for: origin)
        headers.append(HTTPField(name: .vary, value: "Access-Control-Request-Headers"))
        return Response(status: .noContent, headers: headers)
    }

    private func mark(_ headers: inout HTTPFields, for origin: String?) {
        let isForAll = settings.allowedOrigins.contains("*")
        // What was kept of an answer to one page must not be given to another.
        if !isForAll { headers.append(HTTPField(name: .vary, value: "Origin")) }
        guard let origin else { return }
        headers[.accessControlAllowOrigin] = isForAll ? "*" : origin
        headers[.accessControlExposeHeaders] = Self.exposed
    }

    /// What was asked for: clients send headers of their own (`x-stainless-*`), and none of them could do what the page may not.
    private static func allowedHeaders(_ asked: String?) -> String {
        let names = (asked ?? "").split(separator: ",").map { String($0.trimmingSpaces) }.filter { HTTPField.Name($0) != nil }
        return (names.isEmpty ? usualHeaders : names).joined(separator: ", ")
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        let start = drop { $0 == " " || $0 == "\t" }
        return start.lastIndex { $0 != " " && $0 != "\t" }.map { start[...$0] } ?? ""
    }
}
