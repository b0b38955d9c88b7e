import RandomModels
import TestRandomness
import Testing

@testable import Engine

/// Sequences that must make room, against the same ones with room for all.
@Suite struct PreemptionTests {
    static func requests(_ seed: UInt64, count: Int, random: inout SeededRandom) -> [GenerationRequest] {
        (0..<count).map { index in
            let prompt = (0..<Int.random(in: 1...100, using: &random)).map { _ in Int32.random(in: 97..<123, using: &random) }
            return EngineHarness.request("", maxTokens: Int.random(in: 1...120, using: &random)) {
                $0.prompt = prompt
                $0.sampling.seed = UInt64(index)
                $0.sampling.temperature = index % 3 == 0 ? 0 : 1
                $0.sampling.frequencyPenalty = index % 4 == 0 ? 0.5 : 0
                $0.logprobs = index % 2 == 0 ? 2 : nil
                $0.promptLogprobs = index % 5 == 0 ? 1 : nil
                $0.choices = index % 7 == 0 ? 3 : 1
                $0.stop.strings = index % 6 == 0 ? ["ab", "zz"] : []
            }
        }
    }

    @Test(.timeLimit(.minutes(60)), arguments: [true, false]) func nobodyCanTell(prefixCache: Bool) async throws {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        let requests = Self.requests(seed, count: 40, random: &random)
        let roomy = EngineHarness.engine { $0.kvTokens = 32 * 1024 }
        let wanted = try await roomy.answers(requests)
        await roomy.shutdown()
        #expect(roomy.statistics.preemptions == 0)
        // The longest takes seven blocks.
        for blocks in [7, 11, 20] {
            let tight = EngineHarness.engine {
                $0.kvTokens = blocks * 32
                $0.contextLength = 220
                $0.prefixCache = prefixCache
            }
            let got = try await tight.answers(requests)
            for index in requests.indices { #expect(got[index] == wanted[index], "request \(index), \(blocks) blocks, seed \(seed)") }
            await tight.shutdown()
            let statistics = tight.statistics
            #expect(statistics.preemptions > 0 && statistics.recomputedTokens > 0)
            #expect(statistics.kvBlocksUsed == 0 && statistics.preemptedSequences == 0 && statistics.clients == 0)
            #expect(statistics.generatedTokens == roomy.statistics.generatedTokens)
        }
    }

    /// Whatever fits alone ends, however little room there is.
    @Test(.timeLimit(.minutes(60))) func theWholeCacheCanBeOneSequences() async throws {
        let engine = EngineHarness.engine {
            $0.kvTokens = 256
            $0.contextLength = 256
        }
        let requests = (0..<6).map { index in
            EngineHarness.request("all of it", maxTokens: 247) { $0.sampling.seed = UInt64(index) }
        }
        for answer in try await engine.answers(requests) { #expect(answer.tokens[0]?.count == 247) }
        await engine.shutdown()
        #expect(engine.statistics.preemptions > 0)
        #expect(engine.statistics.kvBlocksUsed == 0)
    }
}
