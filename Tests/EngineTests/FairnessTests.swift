import Dispatch
import Models
import Synchronization
import Tensors
import Testing

@testable import Engine

@Suite struct FairnessTests {
    private func ticket(_ client: String, _ id: Int, prompt: Int = 8) -> Ticket {
        let (_, continuation) = AsyncStream<GenerationEvent>.makeStream()
        let request = EngineHarness.request(String(repeating: "x", count: prompt)) {
            $0.client = client
            $0.id = "\(client)\(id)"
        }
        return Ticket(request, continuation: continuation)
    }

    @Test func placesGoRoundBetweenClients() {
        var queue = WaitingQueue()
        for index in 0..<1000 { queue.append(ticket("greedy", index)) }
        #expect(queue.popNext()?.ticket.request.id == "greedy0")
        #expect(queue.popNext()?.ticket.request.id == "greedy1")
        for index in 0..<3 { queue.append(ticket("modest", index)) }
        var order: [String] = []
        for _ in 0..<8 { order.append(queue.popNext()!.ticket.request.id) }
        // The newcomer starts level, and then both take turns.
        #expect(order.firstIndex(of: "modest0")! <= 1)
        #expect(order.firstIndex(of: "modest1")! <= 3)
        #expect(order.firstIndex(of: "modest2")! <= 5)
        #expect(queue.count == 1003 - 10)
    }

    @Test func longPromptsAndAnswersCountForMore() {
        var queue = WaitingQueue()
        for index in 0..<50 {
            queue.append(ticket("long", index, prompt: 100))
            queue.append(ticket("short", index, prompt: 10))
        }
        var first = 0
        for _ in 0..<33 where queue.popNext()!.ticket.request.client == "short" { first += 1 }
        #expect(first == 30)
        // Whoever has been answered at length waits until the other has had as much.
        let served = queue.popNext()!
        queue.charge(served.client, 10_000)
        for _ in 0..<10 { #expect(queue.popNext()!.client != served.client) }
    }

    @Test func cancelledRequestsLeaveAndIdleClientsAreForgotten() {
        var queue = WaitingQueue()
        let tickets = (0..<10).map { ticket("a", $0) } + (0..<10).map { ticket("b", $0) }
        tickets.forEach { queue.append($0) }
        #expect(queue.remove(Set(tickets.filter { $0.request.client == "b" }.map { ObjectIdentifier($0) })).count == 10)
        #expect(queue.count == 10 && queue.clientCount == 1)
        var served = 0
        while let next = queue.popNext() {
            served += 1
            queue.finished(next.client)
        }
        #expect(served == 10 && queue.clientCount == 0)
    }

    /// A client with 1,000 requests in the queue, and one who comes later with ten. The model waits until all have come.
    @Test func oneClientCannotStarveAnother() async throws {
        let model = GatedModel(EngineHarness.vocabSize)
        var settings = EngineSettings(contextLength: 512, kvTokens: 4096)
        (settings.maxBatch, settings.queueLimit) = (4, 2000)
        let engine = Engine(model: model, tokenizer: EngineHarness.tokenizer, settings: settings, pool: WorkerPool(threads: 1))
        func submit(_ client: String, _ index: Int) throws -> GenerationStream {
            try engine.submit(EngineHarness.request("\(client) \(index)", maxTokens: 10) { $0.client = client })
        }
        let streams = try (0..<1000).map { try submit("greedy", $0) } + (0..<10).map { try submit("modest", $0) }
        model.open()
        for stream in streams { _ = await Answer(stream) }
        // Every prompt is told by its first letter, in the order in which prompts were read.
        let modest = model.firstTokens.enumerated().filter { $0.element == Int32(UInt8(ascii: "m")) }.map(\.offset)
        #expect(modest.count == 10)
        // First come, first served, they would be the last ten of 1,010. In turn with the other, they are among the first twenty or so.
        #expect((modest.last ?? .max) < 40)
        await engine.shutdown()
        #expect(engine.statistics.kvBlocksUsed == 0)
    }

    @Test func aClientsShareOfTheQueueCanBeLimited() async throws {
        let engine = EngineHarness.engine {
            $0.maxBatch = 1
            $0.contextLength = 4096
            $0.clientQueueLimit = 2
        }
        var streams: [GenerationStream] = []
        func submit(_ client: String) throws {
            streams.append(try engine.submit(EngineHarness.request("busy", maxTokens: 2000) { $0.client = client }))
        }
        #expect(throws: EngineError.clientQueueFull(limit: 2)) { for _ in 0..<10 { try submit("greedy") } }
        try submit("modest")
        streams.removeAll()
        await engine.shutdown()
    }
}

/// `PrefixHashModel` that computes nothing until it is opened, and notes the first token of every prompt it reads.
private final class GatedModel: LanguageModel {
    private let model: PrefixHashModel
    private let gate = DispatchSemaphore(value: 0)
    private let isOpen = Atomic<Bool>(false)
    private let noted = Mutex<[Int32]>([])

    init(_ vocabSize: Int) { model = PrefixHashModel(vocabSize: vocabSize) }

    var config: ModelConfig { model.config }
    var format: WeightFormat { model.format }
    var byteCount: Int { model.byteCount }
    var bytesPerStep: Int { model.bytesPerStep }
    var firstTokens: [Int32] { noted.withLock { $0 } }

    func open() {
        isOpen.store(true, ordering: .releasing)
        gate.signal()
    }

    func forward(_ plan: BatchPlan, cache: KVCache, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        if !isOpen.load(ordering: .acquiring) { gate.wait() }
        let first = (0..<plan.rowCount).filter { plan.positions[$0] == 0 }.map { plan.tokens[$0] }
        noted.withLock { $0 += first }
        return model.forward(plan, cache: cache, pool: pool, workspace: workspace)
    }

    func logits(_ hidden: MatrixView, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        model.logits(hidden, pool: pool, workspace: workspace)
    }
}
