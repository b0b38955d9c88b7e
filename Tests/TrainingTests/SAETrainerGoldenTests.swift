import Adapters
import Checkpoints
import Foundation
import RandomModels
import Tensors
import TestRandomness
import TestSupport
import Testing

@testable import Training

/// 50 steps of `SAETrainer` against 50 steps of sparsify's own trainer, on the activations that one saw.
@Suite struct SAETrainerGoldenTests {
    struct Case: Decodable {
        var hookpoint: String
        var steps, tokens, width, k, latents: Int
        var multiTopk: Bool
        var optimiser: String
        var rate: Double?
        var warmUp: Int
        var auxkAlpha: Double
        var deadTokens: Int
        /// FVU, AuxK, multi-TopK FVU, dead latents of each step.
        var losses: [[Double]]
    }

    static let names = ["topk-auxk-adam", "multi-topk-adam", "topk-auxk-signum", "multi-topk-auxk-signum", "few-latents-signum"]

    @Test(arguments: names, InstructionSet.available) func sameLossesAsSparsify(_ name: String, on tier: InstructionSet) throws {
        let folder = try ReferenceAnswers.folder("extract").appendingPathComponent(name)
        let reference = try ReferenceAnswers.decode(Case.self, folder.appendingPathComponent("case.json"))
        let file = try SafetensorsFile(path: folder.appendingPathComponent("tensors.safetensors").path)
        var settings = SAETrainerSettings(latents: reference.latents)
        settings.k = reference.k
        settings.multiTopK = reference.multiTopk
        settings.optimiser = try #require(.init(rawValue: reference.optimiser))
        settings.rate = reference.rate
        settings.warmUp = reference.warmUp
        settings.auxKAlpha = reference.auxkAlpha
        settings.deadTokens = reference.deadTokens
        let start = try SparseCoderTensors(reading: file, prefix: "initial.", latents: reference.latents, width: reference.width)
        let trainer = SAETrainer(
            hookpoint: try #require(HookPoint(reference.hookpoint)), from: start, settings: settings, firstBatchSetsBias: true)
        let step = SAETrainer.makeStep(
            width: reference.width, settings: settings, maxTokens: reference.tokens, pool: WorkerPool(threads: 2, instructionSet: tier))
        let activations = try file.floats("activations")
        var worst = 0.0
        for (index, wanted) in reference.losses.enumerated() {
            let report = try activations.withUnsafeBufferPointer { x in
                try trainer.train(
                    on: x.baseAddress! + index * reference.tokens * reference.width, tokens: reference.tokens, step: step,
                    of: reference.steps)
            }
            let wantedLoss = wanted[0] + reference.auxkAlpha * wanted[1] + wanted[2] / 8
            worst = max(worst, abs(report.loss - wantedLoss))
            #expect(abs(report.losses.fvu - wanted[0]) < 1e-3, "step \(index + 1), FVU")
            #expect(abs(report.losses.auxK - wanted[1]) < 1e-3 * max(1, wanted[1]), "step \(index + 1), AuxK")
            #expect(abs(report.losses.multiFVU - wanted[2]) < 1e-3, "step \(index + 1), multi-TopK")
            #expect(abs(report.loss - wantedLoss) < 1e-3, "step \(index + 1), loss")
        }
        print("\(name), \(tier): largest difference of the loss over \(reference.steps) steps: \(worst)")
        try compareFinal(trainer.exported(), file, reference)
    }

    /// What was written at the end: nearly all numbers within a step of one another. (A gradient near 0 may have either sign, and Signum takes
    /// nothing else of it.)
    private func compareFinal(_ tensors: SparseCoderTensors, _ file: SafetensorsFile, _ reference: Case) throws {
        let parts = [
            ("W_dec", tensors.decoder.pointer), ("encoder.weight", tensors.encoder.pointer), ("encoder.bias", tensors.encoderBias.pointer),
            ("b_dec", tensors.decoderBias.pointer),
        ]
        for (name, values) in parts {
            let wanted = try file.floats("final." + name)
            let far = wanted.indices.count { abs(values[$0] - wanted[$0]) > 2e-3 }
            #expect(Double(far) <= 0.01 * Double(wanted.count), "\(name): \(far) of \(wanted.count) differ")
        }
    }

    @Test(arguments: [1, 3]) func threadsChangeNothing(_ threads: Int) throws {
        let settings: SAETrainerSettings = {
            var settings = SAETrainerSettings(latents: 700)
            settings.k = 2
            settings.multiTopK = true
            settings.auxKAlpha = 0.1
            settings.deadTokens = 250
            return settings
        }()
        var random = SeededRandom(seed: 7)
        let (tokens, width, batches) = (300, 20, 6)
        let x = (0..<batches * tokens * width).map { _ in random.normal() }
        func train(_ threads: Int) throws -> (SAETrainer, [SAETrainer.Report]) {
            let trainer = SAETrainer(hookpoint: .residual(layer: 0), width: width, settings: settings)
            let step = SAETrainer.makeStep(width: width, settings: settings, maxTokens: tokens, pool: WorkerPool(threads: threads))
            let reports = try (0..<batches).map { batch in
                try x.withUnsafeBufferPointer { x in
                    try trainer.train(on: x.baseAddress! + batch * tokens * width, tokens: tokens, step: step, of: batches)
                }
            }
            return (trainer, reports)
        }
        let (one, reports) = try train(2)
        let (other, otherReports) = try train(threads)
        #expect(reports == otherReports)
        #expect(reports.contains { $0.dead > 0 })
        #expect(Self.numbers(one.parameters) == Self.numbers(other.parameters))
    }

    private static func numbers(_ tensors: SparseCoderTensors) -> [Float] {
        withExtendedLifetime(tensors) {
            Array(tensors.encoder.buffer) + tensors.encoderBias.buffer + tensors.decoder.buffer + tensors.decoderBias.buffer
        }
    }

    /// METHOD's numbers for the paper's 65536 latents, and the shape of Adam's schedule.
    @Test func rates() {
        var settings = SAETrainerSettings(latents: 65536)
        #expect(abs(settings.defaultRate - 2.5e-3) < 1e-12)
        #expect(settings.rate(step: 7, of: 9) == settings.defaultRate)
        settings.optimiser = .adam
        settings.warmUp = 10
        #expect(abs(settings.defaultRate - 1e-4) < 1e-12)
        let rates = [0, 5, 10, 20, 30].map { settings.rate(step: $0, of: 30) / 1e-4 }
        for (rate, wanted) in zip(rates, [0, 0.5, 1, 0.5, 0]) { #expect(abs(rate - wanted) < 1e-9) }
    }

    @Test func notANumberIsRefusedBeforeAnythingIsLearned() throws {
        var settings = SAETrainerSettings(latents: 64)
        settings.k = 4
        let trainer = SAETrainer(hookpoint: .residual(layer: 3), width: 8, settings: settings)
        let step = SAETrainer.makeStep(width: 8, settings: settings, maxTokens: 16, pool: WorkerPool(threads: 1))
        var random = SeededRandom(seed: 1)
        var x = (0..<128).map { _ in random.normal() }
        _ = try trainer.train(on: x, tokens: 16, step: step, of: 2)
        let before = Self.numbers(trainer.parameters).prefix(64 * 8 + 64)
        x[37] = .nan
        #expect {
            try trainer.train(on: x, tokens: 16, step: step, of: 2)
        } throws: {
            "\($0)".hasPrefix("step 2: the loss at layers.3 is not a finite number")
        }
        // Encoder and its bias; decoder rows have been normalised.
        #expect(Self.numbers(trainer.parameters).prefix(64 * 8 + 64) == before)
        #expect(trainer.steps == 1)
    }
}
