import RandomModels
import TestRandomness
import Testing

@testable import Engine

/// Many short requests, and clients that leave: nobody is lost, and no block stays behind.
@Suite struct LoadTests {
    @Test(.timeLimit(.minutes(60))) func tenThousandRequestsOfSixtyFourClients() async throws {
        let engine = EngineHarness.engine {
            $0.maxBatch = 16
            // Too little for sixteen at once, so that some make room.
            $0.kvTokens = 32 * 24
            $0.contextLength = 128
        }
        let answered = await withTaskGroup(of: Int.self) { group in
            for client in 0..<64 {
                group.addTask {
                    var answered = 0
                    for index in stride(from: client, to: 10_000, by: 64) {
                        let length = 1 + index % 70
                        let request = EngineHarness.request(String(repeating: "load \(index % 9) ", count: 10), maxTokens: 1 + index % 5) {
                            $0.prompt = Array($0.prompt.prefix(length))
                            $0.sampling.seed = UInt64(index)
                            $0.client = "\(client)"
                        }
                        guard let stream = try? engine.submit(request) else {
                            Issue.record("request \(index) was refused")
                            return answered
                        }
                        let answer = await Answer(stream)
                        if answer.tokens[0]?.count == 1 + index % 5, answer.reasons[0] == .length {
                            answered += 1
                        } else {
                            Issue.record("request \(index) got \(answer)")
                        }
                    }
                    return answered
                }
            }
            return await group.reduce(0, +)
        }
        #expect(answered == 10_000)
        #expect(engine.statistics.kvBlocksUsed == 0)
        await engine.shutdown()
        let statistics = engine.statistics
        #expect(statistics.finishedRequests == 10_000 && statistics.cancelledSequences == 0)
        #expect(statistics.waitingRequests == 0 && statistics.runningSequences == 0 && statistics.clients == 0)
        #expect(statistics.kvBlocksUsed == 0 && statistics.kvBlocksFree + statistics.kvBlocksCached == statistics.kvBlocksTotal)
        #expect(statistics.prefixHitTokens > 0)
    }

    @Test(.timeLimit(.minutes(60))) func clientsThatLeaveFreeTheirBlocks() async throws {
        let seed = SeededRandom.seed()
        let model = HeldModel()
        let engine = EngineHarness.engine(model) {
            $0.maxBatch = 8
            $0.kvTokens = 32 * 40
            $0.contextLength = 1000
        }
        // The clients below may be too slow to leave before they are answered; this one is not.
        _ = try await EngineHarness.leave(model, engine, [EngineHarness.request("leaves", maxTokens: 900)])
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    var random = SeededRandom(seed: seed &+ UInt64(index))
                    // Some leave before they begin, some after some tokens; whoever stays is answered.
                    let leaves = index % 4 == 0 ? nil : Int.random(in: 0..<30, using: &random)
                    let request = EngineHarness.request("client \(index % 10)", maxTokens: leaves == nil ? 20 : 900) {
                        $0.sampling.seed = UInt64(index)
                        $0.choices = index % 5 == 0 ? 2 : 1
                        $0.client = "\(index % 7)"
                    }
                    guard let stream = try? engine.submit(request) else {
                        Issue.record("request \(index) was refused")
                        return
                    }
                    guard let leaves else {
                        let answer = await Answer(stream)
                        #expect(answer.tokens[0]?.count == 20)
                        return
                    }
                    var iterator = stream.makeAsyncIterator()
                    for _ in 0..<leaves { _ = await iterator.next() }
                }
            }
        }
        await engine.shutdown()
        let statistics = engine.statistics
        #expect(statistics.cancelledSequences > 0)
        #expect(statistics.kvBlocksUsed == 0 && statistics.waitingRequests == 0 && statistics.clients == 0)
        #expect(statistics.preemptedSequences == 0 && statistics.runningSequences == 0)
    }
}
