import Engine
import Synchronization

/// All sequences of one HTTP request, as one stream of events. Submits every prompt or none.
///
/// The sequences end early when the run is cancelled, when nobody reads `events` any more, and when the client hangs up.
struct GenerationRun: Sendable {
    /// An event and the number of the prompt it belongs to.
    struct Event: Sendable {
        let prompt: Int
        let event: GenerationEvent
    }

    let events: AsyncStream<Event>
    /// What the reader has not taken yet, where it may be slow.
    let backlog: EventBacklog?
    private let pump: Task<Void, Never>
    private let afterwards = Afterwards()

    /// - Parameter backlog: counts what waits to be read, and bounds it; nil where what reads is quick.
    static func start(
        _ requests: [GenerationRequest], on service: some InferenceService, backlog: EventBacklog?
    ) throws(EngineError) -> GenerationRun {
        GenerationRun(try service.submit(together: requests), backlog)
    }

    private init(_ streams: [any AsyncSequence<GenerationEvent, Never> & Sendable], _ backlog: EventBacklog?) {
        // Without a limit of its own, because the engine must not wait for a slow client.
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let pump = Task {
            await withDiscardingTaskGroup { group in
                for (prompt, stream) in streams.enumerated() {
                    group.addTask { await Self.forward(stream, prompt, continuation, backlog) }
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in pump.cancel() }
        self.events = events
        self.backlog = backlog
        self.pump = pump
    }

    private static func forward(
        _ stream: some AsyncSequence<GenerationEvent, Never>, _ prompt: Int, _ continuation: AsyncStream<Event>.Continuation,
        _ backlog: EventBacklog?
    ) async {
        for await event in stream {
            if let backlog, !backlog.add(event) {
                // All of them end: half an answer is none.
                continuation.finish()
                return
            }
            continuation.yield(Event(prompt: prompt, event: event))
        }
    }

    /// Runs what is left to do when all events have come, so that `cancel` ends it too.
    func afterwards<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) async -> Result {
        let task = Task { await work() }
        afterwards.set { task.cancel() }
        return await task.value
    }

    func cancel() {
        pump.cancel()
        afterwards.cancel()
    }
}

/// What a cancelled run has to end besides its events; ended at once when the run was cancelled before.
private final class Afterwards: Sendable {
    private let state = Mutex<(isCancelled: Bool, cancel: (@Sendable () -> Void)?)>((false, nil))

    func set(_ cancel: @escaping @Sendable () -> Void) {
        let late = state.withLock { state in
            if !state.isCancelled { state.cancel = cancel }
            return state.isCancelled
        }
        if late { cancel() }
    }

    func cancel() {
        let cancel = state.withLock { state in
            state.isCancelled = true
            defer { state.cancel = nil }
            return state.cancel
        }
        cancel?()
    }
}
