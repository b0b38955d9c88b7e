import AdapterRegistry
import Adapters
import Foundation
import Models
import RandomModels
import Tensors
import TestRandomness
import Testing

@testable import Engine

/// Beginning above the layers that adapters leave alone must give bit for bit what computing them gives, and spare what it says.
@Suite struct ResidualCacheTests {
    private static let layers = RandomCheckpoint.layers

    /// How many layers each of `PrefixIdentityTests.selections` shares with the base model, by what its adapters touch.
    private static func shared(_ selection: [AdapterSelection]) -> Int {
        selection.map { each in
            switch each.name {
            case "lora-upper": 1
            // A condition is read where its SAE is.
            case "sae-mlp" where each.when?.adapter == "jumprelu-low": 1
            case "lora-top", "sae-mlp": 2
            case "sae" where each.mode == .observe: Int.max
            case "sae": each.layer! + 1
            case "jumprelu": 2
            case "vectors": each.layer == 1 ? 2 : 0
            default: 0
            }
        }.min() ?? .max
    }

    private func request(_ prompt: [Int32], _ adapters: AdapterSet, seed: UInt64, maxTokens: Int = 20) -> GenerationRequest {
        var request = GenerationRequest(id: "", prompt: prompt, adapters: adapters, stop: StopConditions(maxTokens: maxTokens))
        request.sampling.seed = seed
        request.logprobs = 5
        request.stop.ignoreEOS = true
        return request
    }

    private func engine(
        _ world: BatchInvarianceTests.World, threads: Int = 2, _ change: (inout EngineSettings) -> Void = { _ in }
    ) -> Engine {
        var settings = EngineSettings(contextLength: 512, kvTokens: 32 * 400)
        change(&settings)
        return Engine(model: world.model, tokenizer: EngineHarness.tokenizer, settings: settings, pool: WorkerPool(threads: threads))
    }

    @Test func adaptersKnowWhatTheyLeaveAlone() async throws {
        var checkpoint = try RandomCheckpoint(seed: 1)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .f32)
        for selection in PrefixIdentityTests.selections {
            #expect(try await world.registry.resolve(selection).sharedLayers == Self.shared(selection), "\(selection)")
        }
    }

    /// Every adapter set after and beside the others, however prompts are cut, whoever has to make room.
    @Test(arguments: WeightFormat.allCases) func hitsEqualMisses(format: WeightFormat) async throws {
        let seed = SeededRandom.seed()
        var checkpoint = try RandomCheckpoint(seed: seed)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: format)
        var random = SeededRandom(seed: seed)
        let prompt = BatchInvarianceTests.tokens(Int.random(in: 90...96, using: &random), using: &random)
        var requests: [GenerationRequest] = []
        for (index, selection) in PrefixIdentityTests.selections.enumerated() {
            var each = request(prompt, try await world.registry.resolve(selection), seed: seed &+ UInt64(index), maxTokens: 90)
            each.promptLogprobs = index % 3 == 0 ? 2 : nil
            each.observesPrompt = index % 4 == 3
            requests.append(each)
        }
        let plain = engine(world, threads: 1) {
            $0.prefixCache = false
            $0.residualCacheBytes = 0
        }
        var wanted: [Answer] = []
        for each in requests { wanted.append(await Answer(try plain.submit(each))) }
        await plain.shutdown()
        #expect(plain.statistics.sparedLayers == 0 && plain.statistics.residualHitTokens == 0)

        // One after the other, and all at once; twice each.
        for (chunk, threads) in [(256, 2), (64, 3), (45, 1), (7, 2)] {
            for round in 0..<2 {
                let engine = engine(world, threads: threads) {
                    $0.maxBatchedTokens = chunk
                    $0.prefillChunk = chunk
                }
                var got: [Answer] = []
                if round == 0 {
                    for each in requests { got.append(await Answer(try engine.submit(each))) }
                } else {
                    got = try await engine.answers(requests)
                }
                for index in requests.indices {
                    #expect(got[index] == wanted[index], "selection \(index), chunks of \(chunk), round \(round), seed \(seed)")
                }
                #expect(try await engine.answers(requests) == wanted)
                await engine.shutdown()
                #expect((engine.statistics.residualHitTokens > 0) == (chunk >= 32), "chunks of \(chunk)")
            }
        }
        // Little room, for blocks and for residuals.
        for residualBlocks in [2, 5, 100] {
            let entry = 4 * 32 * RandomCheckpoint.hidden + 3 * 2 * 32 * 32 * 4
            let tight = engine(world) {
                $0.kvTokens = 32 * 10
                $0.contextLength = 288
                $0.residualCacheBytes = residualBlocks * entry
            }
            #expect(try await tight.answers(requests) == wanted, "\(residualBlocks) entries, seed \(seed)")
            #expect(try await tight.answers(requests) == wanted, "\(residualBlocks) entries, seed \(seed)")
            await tight.shutdown()
            #expect(tight.statistics.preemptions > 0)
            #expect(tight.statistics.residualCacheBytes <= residualBlocks * entry)
            #expect(residualBlocks > 2 || tight.statistics.residualEvictions > 0)
        }
    }

    /// Many variants of one prompt at once go through the layers they share a single time, to the last token.
    @Test(arguments: [31, 32, 75, 96, 300]) func sharedLayersAreComputedOnce(length: Int) async throws {
        var checkpoint = try RandomCheckpoint(seed: 7)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .bf16)
        let prompt = (0..<length).map { Int32($0 * 37 % 251) }
        let selections: [[AdapterSelection]] = [
            [], [AdapterSelection(name: "lora-upper")], [AdapterSelection(name: "lora-upper", scale: 0.5)],
            [AdapterSelection(name: "sae", layer: 0, mode: .splice)], [AdapterSelection(name: "lora-top")],
        ]
        var requests: [GenerationRequest] = []
        for selection in selections {
            requests.append(request(prompt, try await world.registry.resolve(selection), seed: 3, maxTokens: 1))
        }
        let plain = engine(world) { $0.residualCacheBytes = 0 }
        let alone = try await plain.answers(requests)
        await plain.shutdown()
        #expect(plain.statistics.computedLayers == selections.count * length * Self.layers)

        let sharing = engine(world)
        let streams = try sharing.submit(together: requests)
        for (index, stream) in streams.enumerated() { #expect(await Answer(stream) == alone[index], "variant \(index)") }
        await sharing.shutdown()
        let spared = selections.dropFirst().map { length * Self.shared($0) }.reduce(0, +)
        #expect(sharing.statistics.sparedLayers == spared)
        #expect(sharing.statistics.computedLayers == selections.count * length * Self.layers - spared)
        #expect(sharing.statistics.residualHitTokens == (selections.count - 1) * length)
        #expect(sharing.statistics.promptTokens == selections.count * length)
    }

    /// Entries of other prompts are never taken, even when every hash is the same.
    @Test func collisionsCostTimeOnly() async throws {
        var checkpoint = try RandomCheckpoint(seed: 11)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .f32)
        var requests: [GenerationRequest] = []
        for index in 0..<12 {
            // Some begin alike, some only end alike, some end one token sooner.
            let prompt = (0..<80 - index % 3 % 2).map { Int32(($0 < 40 && index % 4 == 0 ? 1 : $0 * (index % 2 + 3)) % 256) }
            let selection = [[], [AdapterSelection(name: "lora-top")], [AdapterSelection(name: "lora-upper")]][index / 4]
            requests.append(request(prompt, try await world.registry.resolve(selection), seed: 5))
        }
        let plain = engine(world) { $0.residualCacheBytes = 0 }
        let wanted = try await plain.answers(requests)
        await plain.shutdown()
        let colliding = Engine(
            model: world.model, tokenizer: EngineHarness.tokenizer, settings: EngineSettings(contextLength: 512, kvTokens: 32 * 400),
            pool: WorkerPool(threads: 2), hash: { _, _, _, _ in 0 })
        #expect(try await colliding.answers(requests) == wanted)
        for index in requests.indices { #expect(await Answer(try colliding.submit(requests[index])) == wanted[index], "request \(index)") }
        await colliding.shutdown()
        #expect(colliding.statistics.residualHitTokens > 0)
    }

    /// Scores are what generating the same tokens gives, and the divergence what the two distributions have.
    @Test func scoresOfVariants() async throws {
        let seed = SeededRandom.seed()
        var checkpoint = try RandomCheckpoint(seed: seed)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .f32)
        var prompt = (0..<70).map { Int32($0 * 91 % 256) }
        (prompt[10], prompt[30], prompt[65]) = (ByteTokenizer.think, ByteTokenizer.endOfThink, ByteTokenizer.think)
        var variants: [AdapterSet] = []
        for selection in PrefixIdentityTests.selections { variants.append(try await world.registry.resolve(selection)) }
        let engine = engine(world)
        var asked = request(prompt, variants[0], seed: seed, maxTokens: 50)
        asked.logprobs = RandomCheckpoint.vocab
        let base = await Answer(try engine.submit(asked))
        let answer = try #require(base.tokens[0])
        var scoring = ScoreRequest(id: "", prompt: prompt, answer: answer, variants: variants)
        scoring.top = RandomCheckpoint.vocab
        let scores = try #require(try await engine.score(scoring))
        #expect(scores.count == variants.count)
        #expect(scores[0].logprobs == base.logprobs[0])
        #expect(scores[0].divergence == answer.map { _ in 0 })
        for (index, variant) in variants.enumerated() {
            // Forced to the same tokens by a bias that no log-probability shows.
            for position in [0, 1, 17, 49] {
                // Two tokens, so that those that act on generated ones have one to act on.
                var next = request(prompt + answer[..<position], variant, seed: seed, maxTokens: 2)
                next.logprobs = RandomCheckpoint.vocab
                next.sampling.logitBias = [answer[position]: 1e6]
                // Adapters that tell prompt from answer see another prompt here.
                guard !variant.distinguishesPrompt || position == 0 else { continue }
                let generated = try #require(await Answer(try engine.submit(next)).logprobs[0]?.first)
                #expect(scores[index].logprobs[position] == generated, "variant \(index), position \(position)")
            }
            let divergence = try #require(scores[index].divergence)
            for position in answer.indices {
                let own = Dictionary(uniqueKeysWithValues: scores[index].logprobs[position].top.map { ($0.id, Double($0.logprob)) })
                let wanted = scores[0].logprobs[position].top.reduce(0.0) { sum, each in
                    let logP = Double(each.logprob)
                    return sum + exp(logP) * (logP - own[each.id]!)
                }
                #expect(abs(divergence[position] - wanted) < 1e-4 * max(1, wanted), "variant \(index), position \(position)")
            }
        }
        #expect(throws: EngineError.self) {
            var impossible = asked
            impossible.scoring = Scoring(from: 3)
            _ = try engine.submit(impossible)
        }
        await engine.shutdown()
    }
}
