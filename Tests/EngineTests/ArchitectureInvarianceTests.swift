import AdapterRegistry
import Adapters
import Checkpoints
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Engine

/// The promise of `BatchInvarianceTests` for every architecture, on the tiny models of the reference: windows, caps, learned positions, norms
/// behind sub-layers and shared tensors change nothing of it.
@Suite struct ArchitectureInvarianceTests {
    static let models = [
        "qwen3", "qwen2-window", "gemma", "gemma2", "gemma3", "mistral", "gpt2", "gpt-neox", "phi3", "phi3-longrope", "olmo2", "llama-yarn",
    ]

    private struct World {
        let config: ModelConfig
        let model: any LanguageModel
        let registry: AdapterRegistry

        init(_ name: String, _ format: WeightFormat) throws {
            let folder = try ReferenceAnswers.folder("models/\(name)")
            let checkpoint = try Checkpoint.open(path: folder.appendingPathComponent("checkpoint").path)
            config = try ModelConfig.read(checkpoint)
            let weights = try WeightReader(checkpoint: checkpoint, config: config)
            model = try Decoder.load(config: config, weights: weights, format: format, pool: WorkerPool(threads: 1)) { _ in }
            registry = try AdapterRegistry(
                folder: folder.appendingPathComponent("adapters"), shape: config.shape, format: format, base: weights, baseName: "base")
        }

        func engine(threads: Int, _ change: (inout EngineSettings) -> Void = { _ in }) -> Engine {
            var settings = EngineSettings(contextLength: 160, kvTokens: 32 * 128)
            change(&settings)
            return Engine(model: model, tokenizer: EngineHarness.tokenizer, settings: settings, pool: WorkerPool(threads: threads))
        }

        func request(_ number: Int, _ selection: [AdapterSelection]) async throws -> GenerationRequest {
            // Requests of one adapter share a prefix that is longer than the windows.
            let length = 40 + number * 13 % 60
            let prompt = (0..<length).map { index -> Int32 in
                let own = index < 36 ? 0 : number
                return Int32((index * 37 + own + 11) % 251)
            }
            var request = GenerationRequest(
                id: "\(number)", prompt: prompt, adapters: try await registry.resolve(selection), stop: StopConditions(maxTokens: 8))
            request.sampling.temperature = number % 2 == 0 ? 0 : 1
            request.sampling.seed = UInt64(number)
            request.logprobs = 5
            return request
        }
    }

    private static let selections: [[AdapterSelection]] = [
        [], [AdapterSelection(name: "lora")], [AdapterSelection(name: "sae", layer: 1, mode: .splice)],
        [AdapterSelection(name: "dora", scale: 0.6), AdapterSelection(name: "mlp-sae", layer: 1, mode: .splice)],
    ]

    @Test(arguments: models, [WeightFormat.f32, .int8]) func aloneEqualsTogether(name: String, format: WeightFormat) async throws {
        let world = try World(name, format)
        var requests: [GenerationRequest] = []
        for number in 0..<12 { requests.append(try await world.request(number, Self.selections[number % Self.selections.count])) }
        let single = world.engine(threads: 1) {
            $0.prefixCache = false
            $0.residualCacheBytes = 0
        }
        var alone: [Answer] = []
        for request in requests { alone.append(await Answer(try single.submit(request))) }
        await single.shutdown()
        for (threads, chunk) in [(1, 7), (3, 33)] {
            let engine = world.engine(threads: threads) {
                $0.maxBatch = 12
                $0.prefillChunk = chunk
                $0.maxBatchedTokens = chunk
            }
            // The second time prompts are found in the prefix cache.
            for round in 0..<2 {
                let together = try await engine.answers(requests)
                for number in requests.indices {
                    #expect(together[number] == alone[number], "request \(number), \(threads) threads, chunks of \(chunk), round \(round)")
                }
            }
            #expect(engine.statistics.prefixHitTokens > 0)
            await engine.shutdown()
        }
    }

    /// Norms and caps would make something finite of what is not: it is an error all the same.
    @Test(arguments: models) func whatIsNotFiniteIsAnError(name: String) async throws {
        let world = try World(name, .int8)
        let engine = world.engine(threads: 2)
        let broken = try await world.request(0, [AdapterSelection(name: "lora", scale: 1e30)])
        let answer = await Answer(try engine.submit(broken), mayFail: true)
        guard case .notFinite(_, let adapters)? = answer.failure else {
            Issue.record("\(name): \(answer)")
            return await engine.shutdown()
        }
        #expect(adapters == ["lora"] && answer.reasons.isEmpty)
        await engine.shutdown()
    }
}
