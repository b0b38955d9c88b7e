import HTTPTypes
import Hummingbird

/// Answers every error in OpenAI's shape, unknown paths and methods included.
struct ErrorMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let methods = Endpoint.methods(for: request.uri.path)
            let isUnknownRoute = (error as? any HTTPResponseError)?.status == .notFound
            if isUnknownRoute, !methods.isEmpty { return Self.wrongMethod(request, allowed: methods) }
            let problem = Self.apiError(error, request)
            if problem.status.kind == .serverError, problem != .draining { context.logger.error("\(request.uri.path): \(error)") }
            return problem.response
        }
    }

    private static func apiError(_ error: any Error, _ request: Request) -> APIError {
        switch error {
        case let error as APIError: error
        case let error as any HTTPResponseError where error.status == .notFound:
            .notFound("there is no \(request.method.rawValue) \(request.uri.path)", code: "unknown_url")
        case let error as any HTTPResponseError where error.status.kind == .clientError:
            APIError(status: error.status, message: error.status.reasonPhrase)
        case is CancellationError: .draining
        default: .internal("the request failed for a reason of the server's own")
        }
    }

    private static func wrongMethod(_ request: Request, allowed: [HTTPRequest.Method]) -> Response {
        var names = allowed.map(\.rawValue)
        if names.contains("GET") { names.append("HEAD") }
        names.append("OPTIONS")
        let allow = names.joined(separator: ", ")
        if request.method == .options { return Response(status: .noContent, headers: [.allow: allow]) }
        var response = APIError(
            status: .methodNotAllowed, message: "\(request.method.rawValue) is not allowed for \(request.uri.path); allowed are \(allow)",
            code: "method_not_allowed"
        ).response
        response.headers[.allow] = allow
        return response
    }
}
