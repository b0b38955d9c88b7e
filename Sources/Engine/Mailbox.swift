import Foundation
import Synchronization

/// A submitted request on its way to the engine thread, and the way back.
final class Ticket: Sendable {
    let request: GenerationRequest
    let seed: UInt64
    private let continuation: AsyncStream<GenerationEvent>.Continuation
    private let cancelled = Atomic<Bool>(false)

    init(_ request: GenerationRequest, continuation: AsyncStream<GenerationEvent>.Continuation) {
        self.request = request
        self.continuation = continuation
        seed = request.sampling.seed ?? UInt64.random(in: .min ... .max)
    }

    /// The client has gone; the engine drops the request at its next step.
    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }
    func cancel() { cancelled.store(true, ordering: .relaxed) }

    func send(_ event: GenerationEvent) { continuation.yield(event) }
    func close() { continuation.finish() }
}

/// The engine thread's door: requests come in, the thread sleeps here when there is nothing to do.
///
/// `@unchecked Sendable`: every stored variable but the atomic is read and written with `condition` locked.
final class Mailbox: @unchecked Sendable {
    private let condition = NSCondition()
    private let limit: Int
    private let clientLimit: Int
    private var incoming: [Ticket] = []
    private var waiting = 0
    private var waitingByClient: [String: Int] = [:]
    private var isDraining = false
    private var drained: [CheckedContinuation<Void, Never>] = []
    private var hasEnded = false
    /// Something has come in or was cancelled since the engine thread last looked: what a step asks instead of locking.
    private let hasNews = Atomic<Bool>(false)

    init(limit: Int, clientLimit: Int? = nil) {
        self.limit = limit
        self.clientLimit = clientLimit ?? limit
    }

    /// Takes tickets of one client in, all or none.
    ///
    /// - Throws: `queueFull`, `clientQueueFull`, or `shuttingDown` once `drain` was called.
    func submit(_ tickets: [Ticket]) throws(EngineError) {
        guard let client = tickets.first?.request.client else { return }
        condition.lock()
        defer { condition.unlock() }
        if isDraining { throw .shuttingDown }
        if waiting + tickets.count > limit { throw .queueFull(limit: limit) }
        if waitingByClient[client, default: 0] + tickets.count > clientLimit { throw .clientQueueFull(limit: clientLimit) }
        waiting += tickets.count
        waitingByClient[client, default: 0] += tickets.count
        incoming += tickets
        hasNews.store(true, ordering: .releasing)
        condition.signal()
    }

    /// A client has gone.
    func cancel(_ ticket: Ticket) {
        ticket.cancel()
        hasNews.store(true, ordering: .releasing)
    }

    /// Whether `collect` or a look for cancelled requests can find anything; asking answers for what came before.
    func takeNews() -> Bool {
        hasNews.load(ordering: .relaxed) && hasNews.exchange(false, ordering: .acquiring)
    }

    /// New tickets in the order they came. Sleeps until there is one when `idle`; nil when drained and idle.
    func collect(idle: Bool) -> [Ticket]? {
        condition.lock()
        defer { condition.unlock() }
        while idle && incoming.isEmpty && !isDraining { condition.wait() }
        if idle && incoming.isEmpty { return nil }
        defer { incoming.removeAll() }
        return incoming
    }

    /// Waiting requests were admitted or dropped.
    func left(_ tickets: [Ticket]) {
        if tickets.isEmpty { return }
        condition.lock()
        defer { condition.unlock() }
        waiting -= tickets.count
        for ticket in tickets {
            let client = ticket.request.client
            let rest = waitingByClient[client, default: 1] - 1
            waitingByClient[client] = rest > 0 ? rest : nil
        }
    }

    var waitingCount: Int {
        condition.lock()
        defer { condition.unlock() }
        return waiting
    }

    /// Refuses new requests, lets running ones finish, and returns when the engine thread has ended.
    func drain() async {
        await withCheckedContinuation { continuation in
            condition.lock()
            isDraining = true
            let ended = hasEnded
            if !ended { drained.append(continuation) }
            condition.signal()
            condition.unlock()
            if ended { continuation.resume() }
        }
    }

    /// Starts draining without waiting.
    func close() {
        condition.lock()
        isDraining = true
        condition.signal()
        condition.unlock()
    }

    /// Called by the engine thread as it ends.
    func threadEnded() {
        condition.lock()
        hasEnded = true
        let continuations = drained
        drained = []
        condition.unlock()
        for continuation in continuations { continuation.resume() }
    }
}
