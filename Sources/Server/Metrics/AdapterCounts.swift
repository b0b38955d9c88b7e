import Synchronization

/// Generations by adapter. Names come and go while the server runs, so that only so many are kept, and none for longer than its adapter.
final class AdapterCounts: Sendable {
    static let metric = "resa_adapter_requests_total"
    /// Counts what has no series of its own; no adapter can be called so.
    static let others = "(others)"

    private struct Counts {
        var byName: [String: Int] = [:]
        var others = 0
    }

    private let limit: Int
    private let state = Mutex(Counts())

    /// - Parameter limit: names that are told apart.
    init(limit: Int) {
        self.limit = limit
    }

    func add(_ name: String) {
        state.withLock { counts in
            if counts.byName[name] != nil || counts.byName.count < limit {
                counts.byName[name, default: 0] += 1
            } else {
                counts.others += 1
            }
        }
    }

    var names: [String] { state.withLock { Array($0.byName.keys) } }

    /// Forgets adapters that are gone.
    func keep(_ known: Set<String>) {
        state.withLock { $0.byName = $0.byName.filter { known.contains($0.key) } }
    }

    func print(into page: inout PrometheusText) {
        let counts = state.withLock { $0 }
        page.head(Self.metric, "Generations by adapter, as long as it is served.", "counter")
        for (name, count) in counts.byName.sorted(by: { $0.key < $1.key }) { page.sample(Self.metric, [("adapter", name)], Double(count)) }
        if counts.others > 0 { page.sample(Self.metric, [("adapter", Self.others)], Double(counts.others)) }
    }
}
