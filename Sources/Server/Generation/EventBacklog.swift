import Engine
import Synchronization

/// What was generated for a stream and its reader has not taken yet. It counts as the request's memory; where there is no more, the
/// generation ends.
final class EventBacklog: Sendable {
    private struct State {
        var waiting = 0
        /// Of the request's share, in whole steps.
        var held = 0
        var isFull = false
    }

    private static let step = 64 << 10
    private let share: RequestShare
    private let state = Mutex(State())

    init(_ share: RequestShare) {
        self.share = share
    }

    /// There was no memory left for what the reader does not take.
    var isFull: Bool { state.withLock { $0.isFull } }

    /// - Returns: whether there was room for it.
    func add(_ event: GenerationEvent) -> Bool {
        let bytes = MemoryCost.event(event)
        return state.withLock { state in
            let missing = state.waiting + bytes - state.held
            if missing > 0 {
                let more = (missing + Self.step - 1) / Self.step * Self.step
                guard share.tryGrow(by: more) else {
                    state.isFull = true
                    return false
                }
                state.held += more
            }
            state.waiting += bytes
            return true
        }
    }

    func remove(_ event: GenerationEvent) {
        let bytes = MemoryCost.event(event)
        state.withLock { state in
            state.waiting -= bytes
            let spare = (state.held - state.waiting) / Self.step - 1
            guard spare > 0 else { return }
            share.shrink(by: spare * Self.step)
            state.held -= spare * Self.step
        }
    }
}
