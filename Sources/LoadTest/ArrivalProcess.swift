import Measuring

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// When requests are sent.
package enum ArrivalProcess: Sendable, Equatable {
    /// So many clients, each of which sends its next request when its last one ended: the load adapts to the server.
    case closed(clients: Int)
    /// Requests arrive as a Poisson process of so many a second, whatever the server does.
    case poisson(rate: Double)
    /// Requests arrive at equal distances, so many a second.
    case constant(rate: Double)

    /// In words, as the report says it.
    package var summary: String {
        switch self {
        case .closed(let clients): "closed loop, \(clients) client\(clients == 1 ? "" : "s")"
        case .poisson(let rate): "open loop, Poisson arrivals, \(Self.text(rate))/s"
        case .constant(let rate): "open loop, constant arrivals, \(Self.text(rate))/s"
        }
    }

    private static func text(_ rate: Double) -> String { rate == rate.rounded() ? "\(Int(rate))" : "\(rate)" }
}

/// The times at which an open loop's requests are due, counted from the start of the run. Endless.
package struct ArrivalSchedule: Sequence, IteratorProtocol, Sendable {
    private let rate: Double
    private var generator: SplitMix64?
    /// Seconds.
    private var position = 0.0
    private var count = 0

    /// - Returns: nil for a closed loop, whose requests are due when the one before ended.
    package init?(_ process: ArrivalProcess, seed: UInt64) {
        switch process {
        case .closed: return nil
        case .poisson(let rate):
            self.rate = rate
            generator = SplitMix64(seed: seed, purpose: .arrivals, index: 0)
        case .constant(let rate):
            self.rate = rate
        }
    }

    package mutating func next() -> Duration? {
        if generator != nil {
            // Gaps of a Poisson process are exponential: -ln(1 - u) / rate.
            position += -log1p(-generator!.nextUnit()) / rate
        } else {
            position = Double(count) / rate
            count += 1
        }
        return .nanoseconds(Int64(Swift.min(position * 1e9, 9e18)))
    }
}
