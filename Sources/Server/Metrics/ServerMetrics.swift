import Synchronization

/// Counters and histograms of the server, filled by the routes and printed by `GET /metrics`.
final class ServerMetrics: Sendable {
    struct RequestKey: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    struct Values {
        var requests: [RequestKey: Int] = [:]
        var inFlight = 0
        var hangUps = 0
        var promptTokens = 0
        var cachedPromptTokens = 0
        var completionTokens = 0
        /// Uses of each adapter, by name.
        var adapterRequests: [String: Int] = [:]
        var requestSeconds = Histogram(bounds: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300])
        var timeToFirstToken = Histogram(bounds: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
        var timePerOutputToken = Histogram(bounds: [0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1])
    }

    private let state = Mutex(Values())

    func update(_ change: @Sendable (inout Values) -> Void) {
        state.withLock { change(&$0) }
    }

    var values: Values { state.withLock { $0 } }
}

/// Counts of observations at or below each bound, and above all of them.
struct Histogram: Equatable {
    let bounds: [Double]
    private(set) var counts: [Int]
    private(set) var sum = 0.0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    var count: Int { counts.reduce(0, +) }

    mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
