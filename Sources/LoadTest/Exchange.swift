import Curl
import Synchronization

/// One HTTP request under way. It hears its answer on the client's thread, so that a piece of text gets its time where it is read from the
/// socket, with no hop to another thread.
final class Exchange: CurlReceiver {
    private struct State {
        var reader = AnswerReader()
        var result: Result<Answer, RequestFailure>?
    }

    private let state = Mutex(State())
    private let live: LiveCounters

    init(live: LiveCounters) { self.live = live }

    /// Pieces of text so far.
    var pieces: Int { state.withLock { $0.reader.pieces } }

    /// The answer, once it is there.
    var result: Result<Answer, RequestFailure>? { state.withLock { $0.result } }

    func begin(_ head: ResponseHead) {
        state.withLock {
            $0.reader.begin(
                status: head.status, contentType: head.headers["content-type"], retryAfter: head.headers["retry-after"])
        }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let now = ContinuousClock.now
        let pieces = state.withLock { state in
            let before = state.reader.pieces
            state.reader.receive(bytes, at: now)
            return state.reader.pieces - before
        }
        live.countPieces(pieces)
        return true
    }

    func end() {
        let now = ContinuousClock.now
        state.withLock { $0.result = $0.reader.finish(at: now) }
    }

    /// What it means that the answer did not come whole.
    func failure(for failure: CurlFailure) -> RequestFailure {
        let hasBegun = state.withLock { $0.reader.hasBegun }
        switch failure.kind {
        case .timeout: return RequestFailure(.timeout, failure.description)
        case .connection, .cancelled, .refused: return RequestFailure(hasBegun ? .truncated : .connection, failure.description)
        }
    }
}

/// Counters that the display reads while requests run.
package final class LiveCounters: Sendable {
    private let textPieces = Atomic(0)
    private let running = Atomic(0)

    package init() {}

    package var pieces: Int { textPieces.load(ordering: .relaxed) }
    package var inFlight: Int { running.load(ordering: .relaxed) }

    func countPieces(_ count: Int) { textPieces.wrappingAdd(count, ordering: .relaxed) }
    func countRunning(_ change: Int) { running.wrappingAdd(change, ordering: .relaxed) }
}
