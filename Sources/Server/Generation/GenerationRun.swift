import Engine

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
    private let pump: Task<Void, Never>

    static func start(_ requests: [GenerationRequest], on service: some InferenceService) throws(EngineError) -> GenerationRun {
        var streams: [any AsyncSequence<GenerationEvent, Never> & Sendable] = []
        for request in requests { streams.append(try service.submit(request)) }
        return GenerationRun(streams)
    }

    private init(_ streams: [any AsyncSequence<GenerationEvent, Never> & Sendable]) {
        // Unbounded, because the engine must not wait for a slow client; `max_tokens` bounds it.
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let pump = Task {
            await withDiscardingTaskGroup { group in
                for (prompt, stream) in streams.enumerated() {
                    group.addTask { await Self.forward(stream, prompt, continuation) }
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in pump.cancel() }
        self.events = events
        self.pump = pump
    }

    private static func forward(
        _ stream: some AsyncSequence<GenerationEvent, Never>, _ prompt: Int, _ continuation: AsyncStream<Event>.Continuation
    ) async {
        for await event in stream { continuation.yield(Event(prompt: prompt, event: event)) }
    }

    func cancel() {
        pump.cancel()
    }
}
