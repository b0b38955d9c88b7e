import Foundation
import HTTPTypes
import Hummingbird

/// Gives every response an `x-request-id`: the request's own, when it is short and printable, otherwise a new one.
struct RequestIDMiddleware: RouterMiddleware {
    static let header = HTTPField.Name("x-request-id")!

    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = request.headers[Self.header].flatMap(Self.usable) ?? Self.make()
        context.logger[metadataKey: "request_id"] = .string(context.requestID)
        var response = try await next(request, context)
        response.headers[Self.header] = context.requestID
        return response
    }

    private static func usable(_ id: String) -> String? {
        (1...128).contains(id.utf8.count) && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? id : nil
    }

    static func make() -> String {
        "req-" + UUID().uuidString.replacing("-", with: "").lowercased()
    }
}
