import AdapterRegistry
import Adapters
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Engine

/// SmolLM2's greedy continuations against `transformers` in f32 on the same dequantised weights.
@Suite struct GreedyTextTests {
    private struct Run: Decodable {
        var name: String
        var prompt: [Int32]
        var tokens: [Int32]
        var text: String
        /// How near the nearest tie between the two strongest tokens was.
        var smallestMargin: Float
        var adapters: [[String: JSONValue]]

        struct JSONValue: Decodable {
            init(from decoder: any Swift.Decoder) throws {}
        }
    }

    @Test(arguments: [(WeightFormat.f32, 20), (.bf16, 15)]) func plainContinuations(format: WeightFormat, atLeast: Int) async throws {
        let folder = try ReferenceAnswers.folder("models/smollm2")
        let runs = try ReferenceAnswers.decode([Run].self, folder.appendingPathComponent("greedy.json")).filter { $0.adapters.isEmpty }
        #expect(runs.count == 20)
        let bundle = try ModelBundle.open(path: ReferenceAnswers.defaultModel().path)
        let pool = WorkerPool(threads: 2)
        let model = try bundle.load(format: format, pool: pool)
        let engine = Engine(
            model: model, tokenizer: bundle.tokenizer, settings: EngineSettings(contextLength: 1024, kvTokens: 16 * 1024), pool: pool)
        let streams = try runs.map { run in
            var request = GenerationRequest(id: run.name, prompt: run.prompt, stop: StopConditions(maxTokens: run.tokens.count))
            request.sampling.temperature = 0
            request.stop.ignoreEOS = true
            request.skipsSpecialTokens = false
            return try engine.submit(request)
        }
        var equal = 0
        for (run, stream) in zip(runs, streams) {
            let answer = await Answer(stream)
            let matches = answer.tokens[0] == run.tokens
            equal += matches ? 1 : 0
            if matches {
                #expect(answer.texts[0] == run.text)
            } else {
                let same = zip(answer.tokens[0] ?? [], run.tokens).prefix { $0 == $1 }.count
                print("GreedyTextTests \(format) \(run.name): equal for \(same) tokens (smallest margin \(run.smallestMargin))")
            }
        }
        print("GreedyTextTests \(format): \(equal) of \(runs.count) equal for 64 tokens")
        #expect(equal >= atLeast)
        await engine.shutdown()
    }
}
