import Foundation
import Synchronization

/// A submitted request on its way to the engine thread, and the way back.
///
/// Whatever becomes of it, its place in the queue comes back and its reader is told: at the latest when nobody holds it any more.
final class Ticket: Sendable {
    let request: GenerationRequest
    let seed: UInt64
    private let continuation: AsyncStream<GenerationEvent>.Continuation
    /// Whose queue it has a place in; nil before it is accepted, and after it has left.
    private let queue = Mutex<Mailbox?>(nil)

    init(_ request: GenerationRequest, continuation: AsyncStream<GenerationEvent>.Continuation) {
        self.request = request
        self.continuation = continuation
        seed = request.sampling.seed ?? UInt64.random(in: .min ... .max)
    }

    deinit {
        leaveQueue()
        continuation.finish()
    }

    func send(_ event: GenerationEvent) { continuation.yield(event) }
    func close() { continuation.finish() }

    /// Called by the mailbox that has counted it.
    func enterQueue(of mailbox: Mailbox) { queue.withLock { $0 = mailbox } }

    /// It waits no longer: it runs, or nobody wants it. Only the first call has an effect.
    func leaveQueue() {
        let left = queue.withLock { $0.take() }
        left?.left(request.client)
    }
}

/// The engine thread's door: requests come in, the thread sleeps here when there is nothing to do.
///
/// That a client has gone is news like a new request: the engine thread takes both in at once and keeps its own books. There is no flag
/// that others set while it looks.
///
/// `@unchecked Sendable`: every stored variable but the atomic is read and written with `condition` locked.
final class Mailbox: @unchecked Sendable {
    /// What has happened since the engine thread last looked.
    struct News {
        /// New requests in the order they came.
        var submitted: [Ticket] = []
        /// Requests whose client has gone: new ones, known ones, and such as have ended meanwhile.
        var cancelled: [Ticket] = []

        var isEmpty: Bool { submitted.isEmpty && cancelled.isEmpty }
    }

    private let condition = NSCondition()
    private let limit: Int
    private let clientLimit: Int
    private var news = News()
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
        for ticket in tickets { ticket.enterQueue(of: self) }
        news.submitted += tickets
        hasNews.store(true, ordering: .releasing)
        condition.signal()
    }

    /// A client has gone. Wakes the engine thread: somebody may wait for the place.
    func cancel(_ ticket: Ticket) {
        condition.lock()
        defer { condition.unlock() }
        if hasEnded { return }
        news.cancelled.append(ticket)
        hasNews.store(true, ordering: .releasing)
        condition.signal()
    }

    /// Whether `collect` can find anything.
    var hasMail: Bool { hasNews.load(ordering: .acquiring) }

    /// What has happened since the last call. Sleeps until something has when `sleeping`; nil when drained, and nothing has.
    func collect(sleeping: Bool) -> News? {
        condition.lock()
        defer { condition.unlock() }
        while sleeping && news.isEmpty && !isDraining { condition.wait() }
        if sleeping && news.isEmpty { return nil }
        hasNews.store(false, ordering: .relaxed)
        defer { news = News() }
        return news
    }

    /// A waiting request of the client was admitted or dropped. Called by its ticket.
    func left(_ client: String) {
        condition.lock()
        defer { condition.unlock() }
        waiting -= 1
        let rest = waitingByClient[client, default: 1] - 1
        waitingByClient[client] = rest > 0 ? rest : nil
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
