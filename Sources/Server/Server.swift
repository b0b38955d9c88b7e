// Server: HTTP routes, OpenAI wire types, SSE, auth, limits and the metrics page.
// It knows nothing about kernels or tensors: it talks to `Engine`, and names adapters through `AdapterRegistry`.

import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle

/// The HTTP server over one `InferenceService`.
package struct Server: Sendable {
    package let settings: ServerSettings
    /// Closes when the server shuts down. Must run as a service listed after `application`, so that it is stopped first.
    package let drain: DrainGate
    private let state: ServerState
    private let logger: Logger
    private let connections: ConnectionRegistry

    package init(service: any InferenceService, settings: ServerSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
        drain = DrainGate(limit: .seconds(settings.drainSeconds))
        connections = ConnectionRegistry(limit: settings.maxConnections)
        state = ServerState(
            service: service, settings: settings, metrics: ServerMetrics(adapterLimit: settings.maxAdapterSeries), drain: drain,
            memory: RequestMemory(limit: settings.requestMemoryBytes, retrySeconds: settings.retryAfterSeconds),
            lanes: WorkLanes(threads: settings.workThreads))
    }

    /// - Parameter onListening: hears the port once the server listens.
    package func application(onListening: @escaping @Sendable (Int) async -> Void = { _ in }) -> some ApplicationProtocol {
        Application(
            router: router(),
            server: HTTPServerBuilder { [settings, state, connections] responder in
                ConnectionChannel(responder: responder, settings: settings, metrics: state.metrics, registry: connections)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: "resa/\(ResaVersion.current)",
                availableConnectionsDelegate: connections.door),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    /// Serves until SIGTERM or SIGINT, then refuses new generations, lets those in flight end, and returns.
    package func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: application(onListening: onListening)), .init(service: drain)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // Longer than the drain, so that it can end by itself first.
        configuration.maximumGracefulShutdownDuration = .seconds(settings.drainSeconds + 5)
        configuration.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: configuration).run()
    }

    /// Bytes that requests under way take.
    var memoryInUse: Int { state.memory.usedBytes }

    private func router() -> Router<ServerRequestContext> {
        let router = Router(context: ServerRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestIDMiddleware())
        router.add(middleware: RequestMetricsMiddleware(metrics: state.metrics))
        router.add(middleware: CrossOriginMiddleware(settings: settings))
        router.add(middleware: ErrorMiddleware())
        router.add(middleware: BrowserGuard(settings: settings))
        router.add(middleware: APIKeyMiddleware(keys: settings.apiKeys))
        let state = state
        for endpoint in Endpoint.all {
            let intake = RequestIntake(endpoint: endpoint, state: state)
            for path in endpoint.paths {
                router.on(RouterPath(path), method: endpoint.method) { request, context in try await intake.respond(request, context) }
            }
        }
        return router
    }
}
