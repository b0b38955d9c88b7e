import Foundation
import Tensors
import Testing

@testable import Engine

@Suite struct SamplerTests {
    private static let logits: [Float] = [2, 1, 0.5, 0, -1, -2, 3, 0.25]

    /// How often each token is drawn in `draws` independent steps.
    private func frequencies(_ parameters: SamplingParameters, draws: Int = 20_000) -> [Double] {
        let workspace = Workspace()
        var counts = [Double](repeating: 0, count: Self.logits.count)
        // A fresh sampler every time: no penalties carry over.
        for step in 0..<draws {
            var sampler = Sampler(parameters, seed: 99, choice: 0, prompt: [], maxTokens: 64)
            var row = Self.logits
            counts[Int(sampler.sample(&row, count: row.count, step: step, on: .scalar, workspace: workspace))] += 1
        }
        return counts.map { $0 / Double(draws) }
    }

    private func softmax(_ logits: [Float], temperature: Float = 1, keep: Set<Int>? = nil) -> [Double] {
        let weights = logits.enumerated().map { keep?.contains($0.offset) ?? true ? exp(Double($0.element / temperature)) : 0 }
        return weights.map { $0 / weights.reduce(0, +) }
    }

    /// Within five standard errors of the exact distribution, for every token.
    private func expectDistribution(_ got: [Double], _ wanted: [Double], draws: Double = 20_000) {
        for (got, wanted) in zip(got, wanted) {
            #expect(abs(got - wanted) <= 5 * (wanted * (1 - wanted) / draws).squareRoot() + 1e-9, "got \(got), wanted \(wanted)")
        }
    }

    @Test func plainSamplingFollowsTheSoftmax() {
        expectDistribution(frequencies(SamplingParameters()), softmax(Self.logits))
    }

    @Test func temperatureSharpens() {
        var parameters = SamplingParameters()
        parameters.temperature = 0.5
        expectDistribution(frequencies(parameters), softmax(Self.logits, temperature: 0.5))
        parameters.temperature = 0
        #expect(frequencies(parameters, draws: 10)[6] == 1)
    }

    @Test func truncationKeepsTheRightTokens() {
        var topK = SamplingParameters()
        topK.topK = 3
        expectDistribution(frequencies(topK), softmax(Self.logits, keep: [6, 0, 1]))
        var topP = SamplingParameters()
        // Probabilities in order: .58 (6), .21 (0), .08 (1), ...: .8 needs three tokens.
        topP.topP = 0.8
        expectDistribution(frequencies(topP), softmax(Self.logits, keep: [6, 0, 1]))
        var minP = SamplingParameters()
        // Relative to the strongest: exp(-1) = .37, exp(-2) = .135, exp(-2.5) = .08.
        minP.minP = 0.1
        expectDistribution(frequencies(minP), softmax(Self.logits, keep: [6, 0, 1]))
        minP.topK = 5
        expectDistribution(frequencies(minP), softmax(Self.logits, keep: [6, 0, 1]))
    }

    @Test func penaltiesAndBiasMoveLogits() {
        let workspace = Workspace()
        var parameters = SamplingParameters()
        parameters.temperature = 0
        parameters.presencePenalty = 0.6
        parameters.frequencyPenalty = 0.5
        var sampler = Sampler(parameters, seed: 0, choice: 0, prompt: [], maxTokens: 64)
        // Token 6 falls 3, 1.9, 1.4, 0.9 with its uses; token 0 falls 2, 0.9; token 1 stays at 1.
        let picks = (0..<5).map { step in
            var row = Self.logits
            return sampler.sample(&row, count: row.count, step: step, on: .scalar, workspace: workspace)
        }
        #expect(picks == [6, 0, 6, 6, 1])
        parameters = SamplingParameters()
        parameters.temperature = 0
        parameters.repetitionPenalty = 4
        sampler = Sampler(parameters, seed: 0, choice: 0, prompt: [6], maxTokens: 64)
        var row = Self.logits
        #expect(sampler.sample(&row, count: row.count, step: 0, on: .scalar, workspace: workspace) == 0)
        parameters.repetitionPenalty = 1
        parameters.logitBias = [5: 100]
        sampler = Sampler(parameters, seed: 0, choice: 0, prompt: [], maxTokens: 64)
        row = Self.logits
        #expect(sampler.sample(&row, count: row.count, step: 0, on: .scalar, workspace: workspace) == 5)
    }

    @Test func drawsDependOnSeedChoiceAndStepOnly() {
        let first = RandomSource(seed: 1, choice: 0)
        #expect(first.uniform(step: 3) == RandomSource(seed: 1, choice: 0).uniform(step: 3))
        let values = [
            first.uniform(step: 3), first.uniform(step: 4), RandomSource(seed: 1, choice: 1).uniform(step: 3),
            RandomSource(seed: 2, choice: 0).uniform(step: 3),
        ]
        #expect(Set(values).count == 4)
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    }
}
