import ServiceLifecycle
import Synchronization

/// Counts generations in flight, and closes when the server shuts down: new ones are refused with 503, those in flight get time to end
/// and are then cancelled.
package final class DrainGate: Service {
    private struct State {
        var isDraining = false
        var nextToken = 0
        var inFlight: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())
    private let limit: Duration

    package init(limit: Duration) {
        self.limit = limit
    }

    package var isDraining: Bool { state.withLock { $0.isDraining } }
    package var inFlight: Int { state.withLock { $0.inFlight.count } }

    /// - Parameter cancel: called when the time is up.
    /// - Throws: 503 while draining.
    func enter(cancel: @escaping @Sendable () -> Void) throws(APIError) -> Int {
        let token: Int? = state.withLock { state in
            guard !state.isDraining else { return nil }
            state.nextToken += 1
            state.inFlight[state.nextToken] = cancel
            return state.nextToken
        }
        guard let token else { throw .draining }
        return token
    }

    func leave(_ token: Int) {
        state.withLock { $0.inFlight[token] = nil }
    }

    /// Waits for the shutdown signal, then drains. The service group stops the HTTP server after this has returned.
    package func run() async throws {
        try? await gracefulShutdown()
        await drain()
    }

    func drain() async {
        state.withLock { $0.isDraining = true }
        let deadline = ContinuousClock.now + limit
        while inFlight > 0, ContinuousClock.now < deadline {
            do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
        }
        for cancel in state.withLock({ Array($0.inFlight.values) }) { cancel() }
    }
}
