import Foundation
import Testing

@testable import Engine

@Suite struct EngineBatchingTests {
    @Test func aRequestAnswersTheSameAloneAndInACrowd() async throws {
        let requests = (0..<24).map { index in
            EngineHarness.request(String(repeating: "prompt \(index) ", count: 1 + index * 3 % 23), maxTokens: 5 + index * 7 % 40) {
                $0.sampling.seed = UInt64(index)
                $0.sampling.temperature = index % 3 == 0 ? 0 : 0.9
                $0.sampling.topP = index % 2 == 0 ? 0.9 : 1
                $0.logprobs = 5
                $0.promptLogprobs = index % 4 == 0 ? 2 : nil
            }
        }
        var alone: [Answer] = []
        for request in requests {
            let engine = EngineHarness.engine()
            alone.append(await Answer(try engine.submit(request)))
            await engine.shutdown()
        }
        let engine = EngineHarness.engine {
            $0.maxBatch = 7
            $0.prefillChunk = 11
            $0.maxBatchedTokens = 37
        }
        let crowded = try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
            for (index, request) in requests.enumerated() {
                let stream = try engine.submit(request)
                group.addTask { (index, await Answer(stream)) }
            }
            return try await group.reduce(into: [Int: Answer]()) { $0[$1.0] = $1.1 }
        }
        for index in requests.indices { #expect(crowded[index] == alone[index], "request \(index)") }
        #expect(engine.statistics.kvBlocksUsed == 0)
        await engine.shutdown()
    }

    @Test(arguments: [31, 32, 33, 64, 70]) func choicesShareThePromptAndDifferByDraw(promptLength: Int) async throws {
        let prompt = String((0..<promptLength).map { Character(UnicodeScalar(UInt8(97 + $0 % 26))) })
        func answer(choices: Int) async throws -> Answer {
            let engine = EngineHarness.engine()
            defer { Task { await engine.shutdown() } }
            return await Answer(
                try engine.submit(
                    EngineHarness.request(prompt, maxTokens: 40) {
                        $0.choices = choices
                        $0.sampling.temperature = 1
                    }))
        }
        let one = try await answer(choices: 1)
        let three = try await answer(choices: 3)
        #expect(three.tokens[0] == one.tokens[0])
        #expect(Set([three.tokens[0], three.tokens[1], three.tokens[2]]).count == 3)
        #expect(three.reasons == [0: .length, 1: .length, 2: .length])
    }

    @Test(.timeLimit(.minutes(60))) func aDroppedStreamFreesItsPlace() async throws {
        let engine = EngineHarness.engine {
            $0.maxBatch = 1
            $0.contextLength = 100_000
            $0.kvTokens = 100_000
        }
        do {
            // Far more than could be generated while the test runs.
            let stream = try engine.submit(EngineHarness.request("drop me", maxTokens: 90_000))
            var iterator = stream.makeAsyncIterator()
            _ = await iterator.next()
        }
        let answer = await Answer(try engine.submit(EngineHarness.request("next", maxTokens: 3)))
        #expect(answer.tokens[0]?.count == 3)
        await engine.shutdown()
        #expect(engine.statistics.cancelledSequences == 1)
        #expect(engine.statistics.kvBlocksUsed == 0)
    }

    @Test func statisticsCountEveryToken() async throws {
        let engine = EngineHarness.engine()
        _ = await Answer(try engine.submit(EngineHarness.request("count", maxTokens: 9) { $0.choices = 3 }))
        await engine.shutdown()
        let statistics = engine.statistics
        #expect(statistics.promptTokens == 5)
        #expect(statistics.generatedTokens == 27)
        #expect(statistics.finishedSequences == 3)
        #expect(statistics.cancelledSequences == 0)
    }

    @Test func drainingFinishesWhatWasAcceptedAndRefusesTheRest() async throws {
        let engine = EngineHarness.engine()
        let stream = try engine.submit(EngineHarness.request("last", maxTokens: 200))
        async let answer = Answer(stream)
        await engine.shutdown()
        #expect(throws: EngineError.shuttingDown) { _ = try engine.submit(EngineHarness.request("late")) }
        #expect(await answer.tokens[0]?.count == 200)
    }

    @Test func aFullQueueRefuses() async throws {
        let engine = EngineHarness.engine {
            $0.maxBatch = 1
            $0.queueLimit = 2
            $0.contextLength = 4096
        }
        var streams: [GenerationStream] = []
        var refused = 0
        for _ in 0..<12 {
            do {
                streams.append(try engine.submit(EngineHarness.request("busy", maxTokens: 2000)))
            } catch {
                #expect(error == .queueFull(limit: 2))
                refused += 1
            }
        }
        #expect(refused >= 9)
        streams.removeAll()
        await engine.shutdown()
    }
}
