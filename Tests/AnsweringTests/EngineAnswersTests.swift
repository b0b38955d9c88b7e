import AdapterRegistry
import Answering
import Engine
import Evaluation
import Foundation
import RandomModels
import Testing
import Workbench

/// Questions answered by an engine in this process.
@Suite struct EngineAnswersTests {
    private static let problems = """
        {"question": "How many?", "answer": "7"}
        {"question": "And a longer question, how many of them?", "answer": "8"}
        """

    @Test func armsAreAnsweredWithTheirAdapters() async throws {
        var checkpoint = try RandomCheckpoint(seed: 71)
        defer { checkpoint.remove() }
        let model = try checkpoint.bundle()
        try checkpoint.lora("lora", rank: 4, modules: ["q_proj", "o_proj", "up_proj"])
        try checkpoint.lora("lora-random", rank: 4, modules: ["q_proj"])
        let set = try ProblemSet(name: "set", contents: Data(Self.problems.utf8), place: "here")
        var settings = Workbench.Settings()
        (settings.weights, settings.threads) = (.f32, 2)
        let bench = try Workbench(model: model.path, settings)
        let folder = checkpoint.folder.appendingPathComponent("adapters").path
        let variants = [
            Variant(arm: .base),
            Variant(arm: Arm(name: "lora", role: .adapter), selections: [AdapterSelection(name: "lora")]),
            Variant(
                arm: Arm(name: "lora-random", role: .random(of: "lora")), selections: [AdapterSelection(name: "lora-random")]),
        ]
        let sampling = AnswerSampling(temperature: 0, topP: 1, maxTokens: 6)
        var limits = EngineAnswers.Limits()
        limits.concurrency = 2
        let source = try await EngineAnswers(
            on: bench, variants: variants, adapters: folder, controls: folder, prompt: .plain, sampling: sampling, limits: limits,
            sets: [set])
        #expect(source.applied.map(\.arm) == variants.map(\.arm.name) && source.applied[0].applied == "")
        #expect(source.applied[1].applied.hasPrefix("lora sha256:"))
        let told = Dictionary(uniqueKeysWithValues: source.settings.map { ($0.name, $0.value) })
        let digest = try bench.digest()
        #expect(told["weights"] == "f32" && told["temperature"] == "0.0" && told["model digest"] == digest)
        #expect(told["context"] == nil && told["adapter weights"] == nil)
        var answers: [ModelAnswer] = []
        for variant in variants {
            let question = Question(data: "set", problem: set.problems[0], arm: variant.arm, sample: 0, seed: 5)
            answers.append(try await source.answer(question))
            let again = try await source.answer(question)
            #expect(answers.last == again)
        }
        await source.finish()
        #expect(answers.map(\.applied) == source.applied.map(\.applied) && answers.allSatisfy { $0.tokens <= 6 && $0.tokens > 0 })
        #expect(answers[0].text != answers[1].text)

        limits.context = 20
        await #expect(throws: EngineError.self) {
            try await EngineAnswers(
                on: bench, variants: variants, adapters: folder, controls: folder, prompt: .plain, sampling: sampling, limits: limits,
                sets: [set])
        }
    }
}
