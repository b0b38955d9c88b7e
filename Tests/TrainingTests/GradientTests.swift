import Foundation
import Models
import Tensors
import Testing

@testable import Training

/// Losses and gradients against PyTorch's autograd, for every LoRA matrix of tiny models.
@Suite struct GradientTests {
    /// Whether what a backward pass reads is kept, computed again, or some of each.
    @Test(arguments: TrainingGoldens.models, [0, 400_000, 1 << 30])
    func lossAndEveryGradientEqualAutograd(model: String, traceBytes: Int) throws {
        let goldens = try TrainingGoldens(model)
        let pool = WorkerPool(threads: 2)
        let decoder = try goldens.decoder(pool: pool)
        let tokens = goldens.cases.tokens
        for reference in goldens.cases.cases {
            let lora = try goldens.lora("lora", decoder.config)
            let objective: TrainingObjective =
                reference.direction == "sft" ? .crossEntropy : reference.direction == "forward" ? .forwardKL : .reverseKL
            let tuner = FineTuner(
                decoder: decoder, lora: lora,
                splice: try goldens.splice(reference.hookpoint, reference.mode, decoder.config, rows: tokens.count, pool: pool),
                objective: objective, length: tokens.count, traceBytes: traceBytes, cacheBytes: 0, pool: pool)
            var positions = Array(tokens.indices)
            if objective == .crossEntropy {
                positions = positions.dropLast().filter { !reference.masked || goldens.cases.mask[$0 + 1] }
            } else if reference.masked {
                positions = positions.filter { goldens.cases.mask[$0] }
            }
            lora.clearGradients()
            let weight = reference.reduction == "mean" ? 1 / Double(positions.count) : 1
            let loss = tuner.accumulate(tokens: tokens, positions: positions, weight: weight)
            #expect(abs(loss - reference.loss) <= 1e-5 * abs(reference.loss), "\(reference.name): loss \(loss), wanted \(reference.loss)")
            try compare(lora, goldens, reference.name)
        }
    }

    /// With weights and what they meet rounded to bf16: close, and not the same.
    @Test func bf16ProductsComeClose() throws {
        let goldens = try TrainingGoldens("qwen2")
        let pool = WorkerPool(threads: 2)
        let tokens = goldens.cases.tokens
        var results: [(loss: Double, gradients: [Float])] = []
        for precision in TrainingPrecision.allCases {
            let decoder = try goldens.decoder(precision, pool: pool)
            let lora = try goldens.lora("lora", decoder.config)
            let tuner = FineTuner(
                decoder: decoder, lora: lora,
                splice: try goldens.splice("layers.1", "cut", decoder.config, rows: tokens.count, pool: pool), objective: .forwardKL,
                length: tokens.count, traceBytes: 1 << 30, cacheBytes: 0, pool: pool)
            lora.clearGradients()
            let loss = tuner.accumulate(tokens: tokens, positions: Array(tokens.indices), weight: 1)
            results.append((loss, Array(UnsafeBufferPointer(start: lora.gradients.pointer, count: lora.count))))
        }
        let (exact, rounded) = (results[0], results[1])
        #expect(exact.loss != rounded.loss && abs(exact.loss - rounded.loss) < 0.03 * exact.loss)
        func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        let (a, b) = (exact.gradients, rounded.gradients)
        #expect(dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot() > 0.99)
    }

    /// Relative to the matrix's largest gradient: below 1e-4 of it stands f32's own noise in sums over 150 tokens.
    private func compare(_ lora: LoRAParameters, _ goldens: TrainingGoldens, _ name: String) throws {
        var compared = 0
        for entry in lora.entries {
            for (part, got) in [("A", lora.gradientA(entry)), ("B", lora.gradientB(entry))] {
                let tensor = "\(name):layers.\(entry.layer).\(entry.module.rawValue).\(part)"
                guard goldens.gradients.info(tensor) != nil else {
                    #expect(!entry.trains, "\(tensor): PyTorch gives no gradient")
                    #expect(got.elements.allSatisfy { $0 == 0 })
                    continue
                }
                #expect(entry.trains, "\(tensor): PyTorch gives a gradient")
                let wanted = try goldens.gradients.floats(tensor)
                let largest = wanted.reduce(0) { max($0, abs($1)) }
                let error = zip(got.elements, wanted).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
                #expect(error <= 1e-4 * largest, "\(tensor): off by \(error) where the largest is \(largest)")
                #expect(largest > 0)
                compared += 1
            }
        }
        #expect(compared > 0)
    }

    /// 20 steps of AdamW with clipping, from B = 0, by both ways through the SAE and two schedules.
    @Test(arguments: TrainingGoldens.models)
    func twentyStepsEqualPEFT(model: String) throws {
        let goldens = try TrainingGoldens(model)
        let pool = WorkerPool(threads: 2)
        let decoder = try goldens.decoder(pool: pool)
        let chunks = goldens.trajectories.chunks
        for (mode, reference) in [("cut", goldens.trajectories.cut), ("through", goldens.trajectories.through)] {
            let lora = try goldens.lora("zero", decoder.config)
            let tuner = FineTuner(
                decoder: decoder, lora: lora,
                splice: try goldens.splice("layers.1", mode, decoder.config, rows: chunks[0].count, pool: pool),
                objective: .forwardKL, length: chunks[0].count, traceBytes: 1 << 20, cacheBytes: 1 << 20, pool: pool)
            #expect(tuner.sharedLayers == (mode == "cut" ? 2 : 0))
            let optimiser = AdamW(weightDecay: reference.decay)
            let rate = LearningRate(
                peak: reference.rate, schedule: try #require(LearningRate.Schedule(rawValue: reference.schedule)), warmup: reference.warmup,
                steps: reference.losses.count)
            for (step, wanted) in reference.losses.enumerated() {
                let tokens = chunks[step % chunks.count]
                lora.clearGradients()
                let loss = tuner.accumulate(
                    tokens: tokens, sequence: step % chunks.count, positions: Array(tokens.indices),
                    weight: reference.reduction == "mean" ? 1 / Double(tokens.count) : 1)
                let norm = lora.gradientNorm(pool: pool)
                #expect(abs(loss - wanted) <= 1e-3 * wanted, "\(mode), step \(step): loss \(loss), wanted \(wanted)")
                #expect(abs(norm - reference.norms[step]) <= 1e-2 * reference.norms[step], "\(mode), step \(step)")
                optimiser.update(
                    lora, step: step + 1, rate: rate.rate(step), gradientScale: AdamW.clip(norm: norm, limit: 1), pool: pool)
            }
            for entry in lora.entries where mode == "cut" && entry.layer <= 1 {
                #expect(lora.b(entry).elements.allSatisfy { $0 == 0 })
            }
        }
    }
}
