import CoreMetrics
import Synchronization

/// One series: a count, a level, or a distribution.
final class PrometheusSeries: CounterHandler, MeterHandler, RecorderHandler, TimerHandler, Sendable {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private struct State {
        /// The count, the level, or the sum of all observations.
        var value = 0.0
        /// Observations at or below each bound but above the one before; the last is above all bounds.
        var counts: [Int]
    }

    let kind: Kind
    private let bounds: [Double]
    private let state: Mutex<State>

    init(_ kind: Kind, bounds: [Double]) {
        self.kind = kind
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: kind == .histogram ? bounds.count + 1 : 0)))
    }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { state.withLock { $0.value += amount } }
    func decrement(by amount: Double) { increment(by: -amount) }
    func reset() { state.withLock { $0.value = 0 } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard kind == .histogram else {
            set(value)
            return
        }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.value += value
            $0.counts[bucket] += 1
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }

    func print(_ name: String, _ labels: [(String, String)], into page: inout PrometheusText) {
        let state = state.withLock { $0 }
        guard kind == .histogram else {
            page.sample(name, labels, state.value)
            return
        }
        var total = 0
        for (bound, count) in zip(bounds, state.counts) {
            total += count
            page.sample(name + "_bucket", labels + [("le", PrometheusText.number(bound))], Double(total))
        }
        let all = state.counts.reduce(0, +)
        page.sample(name + "_bucket", labels + [("le", "+Inf")], Double(all))
        page.sample(name + "_sum", labels, state.value)
        page.sample(name + "_count", labels, Double(all))
    }
}
