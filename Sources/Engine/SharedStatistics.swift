import Synchronization

/// The engine's statistics, written by its thread once a step and read by anyone.
final class SharedStatistics: Sendable {
    private let state = Mutex(EngineStatistics())

    func publish(_ statistics: borrowing EngineStatistics) {
        let copy = copy statistics
        state.withLock { $0 = copy }
    }

    var value: EngineStatistics { state.withLock { $0 } }
}
