import AdapterRegistry
import Adapters
import Models
import RandomModels
import Tensors
import TestRandomness
import Testing

@testable import Engine

/// A prefix hit, and going on after a preemption, must give bit for bit what computing everything gives, whatever adapters are applied.
@Suite struct PrefixIdentityTests {
    static let selections =
        BatchInvarianceTests.selections + [
            [AdapterSelection(name: "sae", layer: 0, mode: .edit, edits: [LatentEdit(latent: 5, op: .add, value: 3)], scope: .prompt)],
            [AdapterSelection(name: "sae", layer: 0, mode: .edit, edits: [LatentEdit(latent: 5, op: .add, value: 3)], scope: .generated)],
            [
                AdapterSelection(
                    name: "sae", layer: 1, mode: .edit, edits: [LatentEdit(latent: 9, op: .set, value: 4)], scope: .window(20..<50))
            ],
        ]

    @Test(arguments: WeightFormat.allCases) func hitsEqualMisses(format: WeightFormat) async throws {
        let seed = SeededRandom.seed()
        var checkpoint = try RandomCheckpoint(seed: seed)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: format)
        func engine(_ change: (inout EngineSettings) -> Void) -> Engine {
            var settings = EngineSettings(contextLength: 512, kvTokens: 32 * 600)
            change(&settings)
            return Engine(model: world.model, tokenizer: EngineHarness.tokenizer, settings: settings, pool: WorkerPool(threads: 2))
        }
        let caching = engine { _ in }
        let plain = engine { $0.prefixCache = false }
        let tight = engine {
            $0.kvTokens = 32 * 12
            $0.contextLength = 288
        }
        var random = SeededRandom(seed: seed)
        let prompt = BatchInvarianceTests.tokens(75, using: &random)
        var requests: [GenerationRequest] = []
        for (index, selection) in Self.selections.enumerated() {
            var request = GenerationRequest(
                id: "\(index)", prompt: prompt, adapters: try await world.registry.resolve(selection), stop: StopConditions(maxTokens: 60))
            request.sampling.seed = seed
            request.logprobs = 5
            request.stop.ignoreEOS = true
            requests.append(request)
        }
        var turns: [GenerationRequest] = []
        for (index, request) in requests.enumerated() {
            let wanted = await Answer(try plain.submit(request))
            let miss = await Answer(try caching.submit(request))
            let hit = await Answer(try caching.submit(request))
            #expect(miss == wanted && hit == wanted, "selection \(index)")
            #expect(hit.cachedTokens.count == 64, "selection \(index)")
            // What only observes shares the base model's blocks; everything else is on its own.
            let observesOnly = request.adapters.applied.allSatisfy { $0.report.mode == .observe }
            #expect((miss.cachedTokens.count > 0) == (index > 0 && observesOnly), "selection \(index)")
            // The answer becomes part of the next prompt.
            var turn = request
            turn.prompt += (wanted.tokens[0] ?? []) + prompt.prefix(10)
            turns.append(turn)
            let next = await Answer(try caching.submit(turn))
            #expect(await Answer(try plain.submit(turn)) == next, "selection \(index), next turn")
            // Blocks with edits of generated tokens only, or of the prompt only, do not fit a prompt that holds those tokens.
            #expect(next.cachedTokens.count == (request.adapters.distinguishesPrompt ? 64 : 128), "selection \(index), next turn")
        }
        let wanted = try await plain.answers(turns)
        #expect(try await tight.answers(turns) == wanted)
        await caching.shutdown()
        await plain.shutdown()
        await tight.shutdown()
        #expect(tight.statistics.preemptions > 0)
    }
}
