import Hummingbird

/// Counts and times requests by route, and writes one log line each. A streamed response is timed until its head.
struct RequestMetricsMiddleware: RouterMiddleware {
    let metrics: ServerMetrics

    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        metrics.requestsInFlight.increment(by: 1)
        defer { metrics.requestsInFlight.decrement(by: 1) }
        let response = try await next(request, context)
        let duration = ContinuousClock.now - start
        metrics.answered(
            method: request.method.rawValue, route: context.endpointPath ?? "other", status: response.status.code, after: duration)
        context.logger.info(
            "\(request.method.rawValue) \(request.uri.path) \(response.status.code)",
            metadata: ["seconds": .stringConvertible((duration.seconds * 1000).rounded() / 1000)])
        return response
    }
}
