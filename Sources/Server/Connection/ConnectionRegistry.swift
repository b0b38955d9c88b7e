import HummingbirdCore
import Synchronization

/// All connections, and what each is doing. When there are as many as allowed, the one whose end harms least makes room for the next, so
/// that clients who hold connections open and send nothing shut nobody out.
final class ConnectionRegistry: Sendable {
    /// What a connection is doing, the most dispensable first.
    enum Stage: Int {
        /// No request has come, or not yet its header lines.
        case idle
        /// It was answered, and still sends.
        case answered
        /// The body of a request is on its way.
        case receiving
        /// Somebody waits for an answer. Never closed for others.
        case answering
    }

    private struct Entry {
        var stage = Stage.idle
        var since = ContinuousClock.now
        /// Was told to close.
        var leaves = false
        let close: @Sendable () -> Void
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var next = 0
        /// Somebody could not be let in, and no connection could be closed for that.
        var isStarved = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { state.withLock { $0.entries.count } }

    /// A connection's entry.
    struct Place: Sendable {
        let id: Int
        let registry: ConnectionRegistry

        func move(to stage: Stage) { registry.move(id, to: stage) }
        func leave() {
            registry.state.withLock { state in
                state.entries[id] = nil
                state.isStarved = false
            }
        }
        /// Others wait for a place and there was none to give them: this connection should end with its answer.
        var isWanted: Bool { registry.state.withLock { $0.isStarved } }
    }

    /// - Parameter close: closes the connection, from any thread.
    func enter(close: @escaping @Sendable () -> Void) -> Place {
        state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry(close: close)
            return Place(id: state.next, registry: self)
        }
    }

    private func move(_ id: Int, to stage: Stage) {
        let close: (@Sendable () -> Void)? = state.withLock { state in
            state.entries[id]?.stage = stage
            state.entries[id]?.since = .now
            guard state.isStarved, stage < .answering, state.entries[id] != nil else { return nil }
            state.isStarved = false
            state.entries[id]?.leaves = true
            return state.entries[id]?.close
        }
        close?()
    }

    /// Closes one connection for the sake of one that has just come; where all are at work, the first that is done.
    fileprivate func makeRoom() {
        let close: (@Sendable () -> Void)? = state.withLock { state in
            let candidates = state.entries.filter { !$0.value.leaves && $0.value.stage < .answering }
            let chosen = candidates.min { ($0.value.stage, $0.value.since) < ($1.value.stage, $1.value.since) }
            state.isStarved = chosen == nil
            guard let chosen else { return nil }
            state.entries[chosen.key]?.leaves = true
            return chosen.value.close
        }
        close?()
    }

    /// What the server asks before it accepts a connection: one more than the limit comes in, at the cost of another.
    var door: some AvailableConnectionsDelegate { Door(registry: self) }

    private struct Door: AvailableConnectionsDelegate {
        let registry: ConnectionRegistry
        var open = 0

        mutating func connectionOpened() {
            open += 1
            if open > registry.limit { registry.makeRoom() }
        }

        mutating func connectionClosed() { open -= 1 }
        func isAcceptingNewConnections() -> Bool { open <= registry.limit }
    }
}

extension ConnectionRegistry.Stage: Comparable {
    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
