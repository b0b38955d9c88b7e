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
        for ticket in tickets where ticket.request.client == "b" { ticket.cancel() }
        #expect(queue.removeCancelled().count == 10)
        #expect(queue.count == 10 && queue.clientCount == 1)
        var served = 0
        while let next = queue.popNext() {
            served += 1
            queue.finished(next.client)
        }
        #expect(served == 10 && queue.clientCount == 0)
    }

    /// A client with 1,000 requests in the queue, and one who comes later with one at a time.
    @Test(.timeLimit(.minutes(1))) func oneClientCannotStarveAnother() async throws {
        let engine = EngineHarness.engine {
            $0.maxBatch = 4
            $0.queueLimit = 2000
        }
        let order = CompletionOrder()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<1000 {
                let stream = try engine.submit(EngineHarness.request("greedy \(index)", maxTokens: 10) { $0.client = "greedy" })
                group.addTask {
                    _ = await Answer(stream)
                    await order.add("greedy")
                }
            }
            let modest = (0..<10).map { index in EngineHarness.request("modest \(index)", maxTokens: 10) { $0.client = "modest" } }
            for request in modest {
                _ = await Answer(try engine.submit(request))
                await order.add("modest")
            }
            group.cancelAll()
        }
        let modest = await order.names.enumerated().filter { $0.element == "modest" }.map(\.offset)
        // Served first come, first served, all ten would stand behind the thousand. Those who finish beside each are those who ran,
        // and the reader of the streams may be late.
        #expect(modest.count == 10)
        #expect(modest[0] < 500)
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

/// Who was answered, in order.
actor CompletionOrder {
    private(set) var names: [String] = []
    func add(_ name: String) { names.append(name) }
}
