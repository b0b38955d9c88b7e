import Synchronization

/// The engine's statistics, written by its thread and read by anyone.
final class SharedStatistics: Sendable {
    private let state = Mutex(EngineStatistics())

    func update(_ change: (inout EngineStatistics) -> Void) {
        state.withLock { change(&$0) }
    }

    var value: EngineStatistics { state.withLock { $0 } }
}
