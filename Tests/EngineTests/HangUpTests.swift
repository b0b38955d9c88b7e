import Adapters
import Foundation
import RandomModels
import TestRandomness
import Testing

@testable import Engine

/// Clients that leave at every stage of a request, many at once: whatever they had comes back, and the engine rests when all have gone.
///
/// `RESA_LONG_TESTS=SECONDS` makes it longer.
@Suite struct HangUpTests {
    /// What a client is at when it leaves.
    enum Stage: CaseIterable {
        case queued, together, prefill, firstToken, decode, choices, scoring, comparing
    }

    private static let hangUpsARound = 3_600

    @Test(.timeLimit(.minutes(60))) func nothingStaysBehind() async throws {
        let end = ContinuousClock.now + .seconds(LongTests.seconds)
        repeat { try await Self.crowd(seed: SeededRandom.seed()) } while ContinuousClock.now < end
    }

    private static func crowd(seed: UInt64) async throws {
        let model = HeldModel()
        let engine = EngineHarness.engine(model) {
            $0.maxBatch = 8
            // Too little for eight long ones, so that some make room.
            $0.kvTokens = 32 * 14
            $0.contextLength = 400
            $0.prefillChunk = 4
            $0.maxBatchedTokens = 24
            $0.queueLimit = 400
        }
        // Two that stay are admitted together, before anybody else comes, and grow step by step to ten blocks each: somebody must make room.
        // A third comes with them and leaves at once.
        let patient = try await EngineHarness.leave(
            model, engine, (0..<3).map { index in EngineHarness.request("\(index)", maxTokens: 300) })
        await withDiscardingTaskGroup { group in
            for stream in patient {
                group.addTask { #expect(await Answer(stream).tokens[0]?.count == 300, "seed \(seed)") }
            }
            for client in 0..<12 {
                group.addTask {
                    var random = SeededRandom(seed: seed &+ UInt64(client))
                    for _ in 0..<hangUpsARound / 12 { await leave(engine, client: client, &random) }
                }
            }
        }
        await expectRest(engine, seed: seed)
        // The whole queue is there for others.
        let requests = (0..<400).map { index in EngineHarness.request("\(index)", maxTokens: 1) { $0.client = "last" } }
        for stream in try engine.submit(together: requests) {
            let answer = await Answer(stream)
            #expect(answer.reasons == [0: .length], "seed \(seed)")
        }
        await expectRest(engine, seed: seed)
        await engine.shutdown()
        let statistics = engine.statistics
        #expect(statistics.cancelledSequences > 0 && statistics.preemptions > 0, "seed \(seed)")
        #expect(statistics.waitingRequests == 0, "seed \(seed)")
    }

    /// Nothing waits, runs or holds a block, and no step is made.
    private static func expectRest(_ engine: Engine, seed: UInt64) async {
        func isEmpty() -> Bool {
            let now = engine.statistics
            return now.waitingRequests == 0 && now.runningSequences == 0 && now.preemptedSequences == 0 && now.clients == 0
                && now.kvBlocksUsed == 0 && now.kvBlocksFree + now.kvBlocksCached == now.kvBlocksTotal
        }
        // As long as the test may take: what never comes to rest fails by that limit, if not before by the thousands of steps below.
        for _ in 0..<300_000 where !isEmpty() { try? await Task.sleep(for: .milliseconds(2)) }
        #expect(isEmpty(), "seed \(seed): \(engine.statistics)")
        let steps = engine.statistics.steps
        try? await Task.sleep(for: .milliseconds(50))
        // One for news that came late; an engine that finds no rest makes thousands.
        #expect(engine.statistics.steps - steps <= 1, "seed \(seed)")
    }

    /// One client's request, given up at some stage of it.
    private static func leave(_ engine: Engine, client: Int, _ random: inout SeededRandom) async {
        let stage = Stage.allCases.randomElement(using: &random)!
        let moment = Int.random(in: 0..<300, using: &random)
        let number = Int.random(in: 0..<1_000, using: &random)
        @Sendable func request(_ prompt: Int, _ tokens: Int, choices: Int = 1) -> GenerationRequest {
            EngineHarness.request(String(repeating: "\(number) ", count: 100), maxTokens: tokens) {
                $0.prompt = Array($0.prompt.prefix(prompt))
                $0.client = "\(client % 5)"
                $0.sampling.seed = UInt64(number)
                $0.choices = choices
            }
        }
        switch stage {
        case .queued:
            // The stream is dropped before anybody reads it.
            _ = try? engine.submit(request(20, 30))
        case .together:
            await cut(after: moment) {
                guard let streams = try? engine.submit(together: (0..<20).map { _ in request(8, 30) }) else { return }
                await withDiscardingTaskGroup { group in
                    for stream in streams { group.addTask { for await _ in stream {} } }
                }
            }
        case .prefill:
            await cut(after: moment) {
                guard let stream = try? engine.submit(request(250, 4)) else { return }
                for await _ in stream {}
            }
        case .firstToken: await read(engine, request(20, 30), events: 1 + moment % 2)
        case .decode: await read(engine, request(10, 100), events: moment % 60)
        case .choices: await read(engine, request(40, 60, choices: 4), events: moment % 12)
        case .scoring, .comparing:
            let variants = stage == .scoring ? 1 : 3
            await cut(after: moment) {
                var score = ScoreRequest(
                    id: "score", prompt: request(40, 0).prompt, answer: request(60, 0).prompt,
                    variants: Array(repeating: .none, count: variants))
                score.client = "\(client % 5)"
                _ = try? await engine.score(score)
            }
        }
    }

    /// Reads so many events, then drops the stream.
    private static func read(_ engine: Engine, _ request: GenerationRequest, events: Int) async {
        guard let stream = try? engine.submit(request) else { return }
        var iterator = stream.makeAsyncIterator()
        for _ in 0..<events where await iterator.next() == nil { return }
    }

    /// Runs something and cancels it about so many microseconds later.
    private static func cut(after microseconds: Int, _ work: @escaping @Sendable () async -> Void) async {
        let task = Task { await work() }
        try? await Task.sleep(for: .microseconds(microseconds))
        task.cancel()
        await task.value
    }

    // MARK: The books

    private func ticket(_ id: Int, client: String = "") -> Ticket {
        let (_, continuation) = AsyncStream<GenerationEvent>.makeStream()
        return Ticket(
            EngineHarness.request("x") {
                $0.id = "\(id)"
                $0.client = client
            }, continuation: continuation)
    }

    /// A place comes back once, whoever gives it back, and also when nobody does.
    @Test func aPlaceComesBackOnce() throws {
        let mailbox = Mailbox(limit: 3, clientLimit: 2)
        var tickets = [ticket(0, client: "a"), ticket(1, client: "a"), ticket(2, client: "b")]
        try mailbox.submit(Array(tickets[..<2]))
        try mailbox.submit([tickets[2]])
        #expect(mailbox.waitingCount == 3)
        #expect(throws: EngineError.queueFull(limit: 3)) { try mailbox.submit([ticket(3)]) }
        // The refused one had no place to give back.
        #expect(mailbox.waitingCount == 3)
        tickets[0].leaveQueue()
        tickets[0].leaveQueue()
        #expect(mailbox.waitingCount == 2)
        #expect(throws: EngineError.queueFull(limit: 3)) { try mailbox.submit([ticket(4), ticket(5)]) }
        _ = mailbox.collect(sleeping: false)
        tickets.removeAll()
        #expect(mailbox.waitingCount == 0)
        #expect(throws: EngineError.clientQueueFull(limit: 2)) { try mailbox.submit((0..<3).map { ticket($0, client: "a") }) }
    }

    /// A client that leaves before its request was looked at, while it waits, and after it has ended.
    @Test func whoLeavesIsNewsOfItsOwn() throws {
        let mailbox = Mailbox(limit: 10)
        let (early, late) = (ticket(0), ticket(1))
        try mailbox.submit([early, late])
        mailbox.cancel(early)
        #expect(mailbox.hasMail)
        let first = try #require(mailbox.collect(sleeping: true))
        #expect(first.submitted.map(\.request.id) == ["0", "1"] && first.cancelled.map(\.request.id) == ["0"])
        #expect(!mailbox.hasMail)
        var queue = WaitingQueue()
        first.submitted.forEach { queue.append($0) }
        #expect(queue.remove([ObjectIdentifier(early)]).map(\.request.id) == ["0"])
        #expect(queue.remove([ObjectIdentifier(early)]).isEmpty && queue.count == 1)
        mailbox.cancel(late)
        // Wakes a thread that sleeps.
        #expect(mailbox.collect(sleeping: true)?.cancelled.count == 1)
        #expect(queue.remove([ObjectIdentifier(late)]).count == 1 && queue.isEmpty && queue.clientCount == 0)
        mailbox.close()
        #expect(mailbox.collect(sleeping: true) == nil)
    }
}
