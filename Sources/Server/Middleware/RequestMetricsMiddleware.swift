import Hummingbird

/// Counts and times requests by route, and writes one log line each. A streamed response is timed until its head.
struct RequestMetricsMiddleware: RouterMiddleware {
    let metrics: ServerMetrics

    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        metrics.update { $0.inFlight += 1 }
        defer { metrics.update { $0.inFlight -= 1 } }
        let response = try await next(request, context)
        let seconds = (ContinuousClock.now - start).seconds
        // The route's pattern, "NotFound" for all unknown paths: strangers must not be able to make new labels.
        let key = ServerMetrics.RequestKey(
            method: request.method.rawValue, route: context.endpointPath ?? "other", status: response.status.code)
        metrics.update {
            $0.requests[key, default: 0] += 1
            $0.requestSeconds.observe(seconds)
        }
        context.logger.info(
            "\(key.method) \(request.uri.path) \(key.status)", metadata: ["seconds": .stringConvertible((seconds * 1000).rounded() / 1000)])
        return response
    }
}
