import AdapterRegistry
import Adapters
import Foundation
import Models
import Tensors
import TestRandomness
import TestSupport
import Testing

@testable import Engine

/// SmolLM2's greedy answers, 64 tokens at most, against `transformers`, `peft` and `sparsify` in f32 on the same dequantised weights.
@Suite struct GreedyTextTests {
    private struct Run: Decodable {
        var name: String
        var variant: String
        var prompt: [Int32]
        var tokens: [Int32]
        /// How near the nearest tie between the two strongest tokens was.
        var smallestMargin: Float
        var adapters: [ReferenceAdapter]
    }

    /// Everything that a long run compares, or what holds the rest in it.
    private static func variants(_ all: [String], everyday: [String]) -> [String] { LongTests.isOn ? all : everyday }

    @Test func everyAnswerInF32() async throws {
        let variants = Self.variants(["base", "lora", "sae-splice", "sae-edit", "lora-sae-edit"], everyday: ["base", "lora-sae-edit"])
        let equal = try await equalAnswers(.f32, of: variants)
        #expect(equal == Dictionary(uniqueKeysWithValues: variants.map { ($0, 20) }))
    }

    @Test func mostAnswersInBF16() async throws {
        let variants = Self.variants(["base", "lora"], everyday: ["lora"])
        let equal = try await equalAnswers(.bf16, of: variants)
        for variant in variants { #expect(equal[variant, default: 0] >= 15, "\(variant)") }
    }

    /// Answers that agree token by token, of 20 for each variant.
    private func equalAnswers(_ format: WeightFormat, of variants: [String]) async throws -> [String: Int] {
        let folder = try ReferenceAnswers.folder("models/smollm2")
        let runs = try ReferenceAnswers.decode([Run].self, folder.appendingPathComponent("greedy.json")).filter {
            variants.contains($0.variant)
        }
        let bundle = try ModelBundle.open(path: ReferenceAnswers.defaultModel().path)
        let registry = try AdapterRegistry(
            folder: ReferenceAnswers.repositoryAdapters, shape: bundle.config.shape, format: format, baseName: bundle.name)
        let pool = WorkerPool(threads: 2)
        let model = try bundle.load(format: format, pool: pool)
        let engine = Engine(
            model: model, tokenizer: bundle.tokenizer, settings: EngineSettings(contextLength: 1024, kvTokens: 16 * 1024), pool: pool)
        var streams: [(Run, GenerationStream)] = []
        for run in runs {
            let adapters = try await registry.resolve(try run.adapters.map { try $0.selection })
            var request = GenerationRequest(id: run.name, prompt: run.prompt, adapters: adapters, stop: StopConditions(maxTokens: 64))
            request.sampling.temperature = 0
            streams.append((run, try engine.submit(request)))
        }
        var equal: [String: Int] = [:]
        for (run, stream) in streams {
            let answer = await Answer(stream)
            if (answer.tokens[0] ?? []) == run.tokens {
                equal[run.variant, default: 0] += 1
                #expect(answer.texts[0] ?? "" == bundle.tokenizer.decode(run.tokens, skipSpecialTokens: true))
            } else {
                let same = zip(answer.tokens[0] ?? [], run.tokens).prefix { $0 == $1 }.count
                print("GreedyTextTests \(format) \(run.name): equal for \(same) tokens (smallest margin \(run.smallestMargin))")
            }
        }
        print("GreedyTextTests \(format): equal answers of 20: \(equal.sorted { $0.key < $1.key })")
        await engine.shutdown()
        return equal
    }
}
