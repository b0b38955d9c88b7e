import RandomModels
import TestRandomness
import Testing

@testable import Engine

@Suite struct PrefixCacheTests {
    private func prompt(_ seed: UInt64, _ count: Int) -> [Int32] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Int32.random(in: 0..<256, using: &random) }
    }

    private func request(_ prompt: [Int32], maxTokens: Int = 20, _ change: (inout GenerationRequest) -> Void = { _ in })
        -> GenerationRequest
    {
        EngineHarness.request("", maxTokens: maxTokens) {
            $0.prompt = prompt
            $0.logprobs = 3
            change(&$0)
        }
    }

    @Test(arguments: [(100, 96), (97, 96), (96, 64), (33, 32), (32, 0), (5, 0)])
    func aPromptIsReadOnce(length: Int, cached: Int) async throws {
        let engine = EngineHarness.engine()
        let asked = request(prompt(1, length))
        let miss = await Answer(try engine.submit(asked))
        let hit = await Answer(try engine.submit(asked))
        #expect(miss.cachedTokens.count == 0)
        #expect(hit.cachedTokens.count == cached)
        #expect(hit == miss)
        await engine.shutdown()
        let statistics = engine.statistics
        #expect(statistics.promptTokens == 2 * length - cached)
        #expect(statistics.prefixQueryTokens == 2 * length)
        #expect(statistics.prefixHitTokens == cached)
        #expect(statistics.kvBlocksUsed == 0)
        #expect(statistics.kvBlocksCached == (length + 19) / 32)
        #expect(statistics.kvBlocksFree + statistics.kvBlocksCached == statistics.kvBlocksTotal)
    }

    @Test func whatWasGeneratedServesTheNextTurn() async throws {
        let engine = EngineHarness.engine()
        let first = await Answer(try engine.submit(request(prompt(2, 50), maxTokens: 80)))
        let conversation = prompt(2, 50) + (try #require(first.tokens[0])) + prompt(3, 9)
        let second = await Answer(try engine.submit(request(conversation)))
        // The last generated token was never computed: its row would have predicted one more.
        #expect(second.cachedTokens.count == 128)
        let fresh = EngineHarness.engine { $0.prefixCache = false }
        #expect(await Answer(try fresh.submit(request(conversation))) == second)
        await engine.shutdown()
        await fresh.shutdown()
        #expect(fresh.statistics.kvBlocksCached == 0 && fresh.statistics.prefixQueryTokens == 0)
    }

    @Test func promptsThatPartShareWhatComesBefore() async throws {
        let engine = EngineHarness.engine()
        let shared = prompt(4, 70)
        _ = await Answer(try engine.submit(request(shared + prompt(5, 60))))
        let other = await Answer(try engine.submit(request(shared + prompt(6, 60))))
        #expect(other.cachedTokens.count == 64)
        await engine.shutdown()
    }

    @Test func askingForThePromptsRowsComputesThem() async throws {
        let engine = EngineHarness.engine()
        let asked = request(prompt(7, 90)) { $0.promptLogprobs = 2 }
        let first = await Answer(try engine.submit(asked))
        let second = await Answer(try engine.submit(asked))
        #expect(second.cachedTokens.count == 0)
        #expect(second == first)
        #expect(second.promptLogprobs?.count == 90)
        await engine.shutdown()
    }

    /// Every block hashes to the same number: only the comparison of tokens keeps prefixes apart.
    @Test func collisionsNeverServeAnotherPrefix() async throws {
        let engine = EngineHarness.engine({ $0.kvTokens = 256 }, hash: { _, _, _, _ in 7 })
        for round in 0..<30 {
            // Same blocks in other orders, so that equal tokens stand after other parents, too.
            let (a, b) = (prompt(10, 32), prompt(11, 32))
            let asked = request((round % 3 == 0 ? a + b : round % 3 == 1 ? b + a : b + b) + prompt(UInt64(12 + round % 5), 40))
            let answer = await Answer(try engine.submit(asked))
            let fresh = EngineHarness.engine { $0.prefixCache = false }
            #expect(await Answer(try fresh.submit(asked)) == answer, "round \(round)")
            await fresh.shutdown()
        }
        await engine.shutdown()
        #expect(engine.statistics.prefixHitTokens > 0)
        #expect(engine.statistics.kvEvictions > 0)
    }

    @Test func theLeastRecentlyUsedPrefixGoesFirst() async throws {
        // A conversation takes five blocks and leaves four: there is room for two, and two blocks more.
        let engine = EngineHarness.engine { $0.kvTokens = 10 * 32 }
        func cached(_ seed: UInt64) async throws -> Int {
            await Answer(try engine.submit(request(prompt(seed, 150), maxTokens: 2))).cachedTokens.count
        }
        #expect(try await cached(1) == 0)
        #expect(try await cached(2) == 0)
        #expect(try await cached(1) == 128)
        // Takes the free blocks and the end of the second conversation, whose first block stays.
        #expect(try await cached(3) == 0)
        #expect(try await cached(1) == 128)
        #expect(try await cached(2) == 32)
        await engine.shutdown()
        #expect(engine.statistics.kvEvictions > 0)
    }

    @Test func adapterKeysAreForgottenWithTheirBlocks() {
        var table = AdapterKeyTable()
        let a = table.use("a")
        #expect(table.use("a") == a)
        let b = table.use("b")
        #expect(a != b && table.count == 2)
        table.removeUser(a)
        #expect(table.use("a") == a)
        table.removeUser(a)
        table.removeUser(a)
        #expect(table.count == 1)
        #expect(table.use("c") == a)
        #expect(table.use("b") == b)
    }
}
