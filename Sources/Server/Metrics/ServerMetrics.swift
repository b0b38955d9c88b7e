import Metrics

/// What the server counts, by name. Printed by `GET /metrics`.
struct ServerMetrics: Sendable {
    let registry: PrometheusRegistry
    let requestsInFlight: Meter
    let hangUps: Counter
    let adapters: AdapterCounts
    let writeTimeouts: Counter
    let handshakeFailures: Counter
    private let promptTokens: Counter
    private let cachedPromptTokens: Counter
    private let completionTokens: Counter
    private let requestSeconds: Timer
    private let timeToFirstToken: Timer
    private let timePerOutputToken: Timer

    /// - Parameter adapterLimit: adapters with a series of their own.
    init(adapterLimit: Int) {
        adapters = AdapterCounts(limit: adapterLimit)
        registry = PrometheusRegistry(descriptions: Self.descriptions)
        requestsInFlight = Meter(label: "resa_http_requests_in_flight", factory: registry)
        hangUps = Counter(label: "resa_hang_ups_total", factory: registry)
        writeTimeouts = Counter(label: "resa_write_timeouts_total", factory: registry)
        handshakeFailures = Counter(label: "resa_tls_handshake_failures_total", factory: registry)
        promptTokens = Counter(label: "resa_prompt_tokens_total", factory: registry)
        cachedPromptTokens = Counter(label: "resa_cached_prompt_tokens_total", factory: registry)
        completionTokens = Counter(label: "resa_completion_tokens_total", factory: registry)
        requestSeconds = Timer(label: "resa_http_request_seconds", factory: registry)
        timeToFirstToken = Timer(label: "resa_time_to_first_token_seconds", factory: registry)
        timePerOutputToken = Timer(label: "resa_time_per_output_token_seconds", factory: registry)
    }

    private static let descriptions: [String: PrometheusRegistry.Description] = [
        "resa_http_requests_total": .init(help: "Requests answered."),
        "resa_http_request_seconds": .init(help: "Time to the response, or to the head of a stream."),
        "resa_http_requests_in_flight": .init(help: "Requests whose response has not begun."),
        "resa_hang_ups_total": .init(help: "Generations whose client left before the end."),
        "resa_write_timeouts_total": .init(help: "Connections closed because their client took no bytes."),
        "resa_tls_handshake_failures_total": .init(help: "Connections closed because their TLS handshake came to nothing."),
        "resa_prompt_tokens_total": .init(help: "Prompt tokens of finished requests."),
        "resa_cached_prompt_tokens_total": .init(help: "Prompt tokens found in the cache."),
        "resa_completion_tokens_total": .init(help: "Generated tokens of finished requests."),
        "resa_time_to_first_token_seconds": .init(
            help: "From submission to the first token.", bounds: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]),
        "resa_time_per_output_token_seconds": .init(
            help: "Mean time between tokens of a request.", bounds: [0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1]),
    ]

    /// A label has few values, never one that a stranger chose: methods that no route has count as one.
    ///
    /// - Parameter route: the route's pattern, not a path.
    func answered(method: String, route: String, status: Int, after duration: Duration) {
        Counter(
            label: "resa_http_requests_total",
            dimensions: [("method", Self.methods.contains(method) ? method : "other"), ("route", route), ("status", "\(status)")],
            factory: registry
        ).increment()
        requestSeconds.record(duration: duration)
    }

    private static let methods: Set<String> = Set(Endpoint.all.map(\.method.rawValue)).union(["HEAD", "OPTIONS"])

    /// A generation has ended. `firstToken` is the time to the first token, `perToken` the mean time between tokens, where there were any.
    func finished(_ usage: Usage, firstToken: Duration?, perToken: Duration?) {
        promptTokens.increment(by: usage.promptTokens)
        cachedPromptTokens.increment(by: usage.cachedTokens)
        completionTokens.increment(by: usage.completionTokens)
        if let firstToken { timeToFirstToken.record(duration: firstToken) }
        if let perToken { timePerOutputToken.record(duration: perToken) }
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
