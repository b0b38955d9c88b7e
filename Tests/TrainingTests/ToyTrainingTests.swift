import Adapters
import Checkpoints
import Foundation
import Models
import RandomModels
import Tensors
import Testing
import Texts

@testable import Training

/// An architecture of other names, with fused and transposed tensors, trains as the model does whose weights it has, bit for bit.
@Suite struct ToyTrainingTests {
    private let pool = WorkerPool(threads: 2)
    private static let tokens: [Int32] = [3, 17, 200, 41, 0, 255, 9, 9, 128, 77]

    private func tuner(_ path: URL, _ precision: TrainingPrecision) throws -> FineTuner {
        let checkpoint = try Checkpoint.open(path: path.path)
        let config = try ModelConfig.read(checkpoint, among: [.toy, .qwen2])
        let decoder = try FrozenDecoder(checkpoint: checkpoint, config: config, precision: precision, pool: pool)
        let lora = LoRAParameters(shape: config.shape, rank: 2, alpha: 4, modules: [.q, .o, .up, .down], seed: 3)
        for entry in lora.entries { lora.b(entry).fill(0.01) }
        return FineTuner(
            decoder: decoder, lora: lora, splice: nil, objective: .crossEntropy, length: Self.tokens.count, traceBytes: 0, cacheBytes: 0,
            pool: pool)
    }

    private func train(_ path: URL, _ precision: TrainingPrecision) throws -> (loss: Double, gradients: [Float], digest: String) {
        let tuner = try tuner(path, precision)
        let lora = tuner.lora
        lora.clearGradients()
        let loss = tuner.accumulate(tokens: Self.tokens, positions: Array(Self.tokens.indices.dropLast()), weight: 1)
        return (
            loss, lora.entries.flatMap { Array(lora.gradientA($0).elements) + Array(lora.gradientB($0).elements) }, tuner.decoder.digest
        )
    }

    @Test(arguments: [TrainingPrecision.f32, .bf16]) func lossesAndGradientsAreEqual(_ precision: TrainingPrecision) throws {
        var random = try RandomCheckpoint(seed: 31)
        defer { random.remove() }
        let (model, toy) = (try random.model(), random.folder.appendingPathComponent("toy"))
        try ToyCheckpoint(model: model).write(to: toy)
        let (got, wanted) = (try train(toy, precision), try train(model, precision))
        #expect(got.loss == wanted.loss && got.digest == wanted.digest)
        #expect(got.gradients == wanted.gradients && wanted.gradients.contains { $0 != 0 })
    }

    /// A LoRA's file names the base's tensors, of which one for several projections has none for each.
    @Test func aRunOnSharedTensorsIsRefused() throws {
        var random = try RandomCheckpoint(seed: 34)
        defer { random.remove() }
        let toy = random.folder.appendingPathComponent("toy")
        try ToyCheckpoint(model: try random.model()).write(to: toy)
        let chunks = try TokenChunks(tokens: Self.tokens, isAnswer: Self.tokens.map { _ in true }, length: 5, file: "data")
        #expect {
            _ = try TuneStep(
                settings: TuneSettings(), tuner: tuner(toy, .f32), chunks: chunks, inputs: [:],
                result: LoRAResult(name: "x", baseModel: "toy", asBF16: false), pool: pool)
        } throws: {
            "\($0)".contains("q_proj, which shares a tensor")
        }
    }

    /// What a LoRA changes of a tensor that holds several projections, or lies the other way round, against a sum written out.
    @Test(arguments: [false, true], [false, true]) func foldsIntoTensorsOfAnyLayout(inGGUF: Bool, dora: Bool) throws {
        var random = try RandomCheckpoint(seed: 33)
        defer { random.remove() }
        let model = try random.model()
        try random.lora("lora", rank: 3, modules: ["q_proj", "v_proj", "up_proj", "down_proj", "o_proj"], dora: dora)
        let checkpoint = try Checkpoint.open(path: model.path)
        let plain = try ModelConfig.read(checkpoint)
        let weights = try WeightReader(checkpoint: checkpoint, config: plain)
        let lora = try LoRAAdapter.load(
            folder: random.folder.appendingPathComponent("adapters/lora"), name: "lora", digest: "", shape: plain.shape, format: .f32,
            base: weights, pool: pool)
        let toy = try ToyCheckpoint(model: model)
        let tensors = toy.config.family.weights.tensors(toy.config, inGGUF: inGGUF)
        var changed = 0
        for (tensor, stored) in zip(tensors, try toy.tensors(inGGUF: inGGUF)) where tensor.shape.count == 2 {
            let (rows, columns) = (tensor.shape[0], tensor.shape[1])
            let folds = LoRAFold.folds(
                of: lora, strength: 0.5, in: tensor.name, rows: rows, columns: columns, config: toy.config, inGGUF: inGGUF)
            let values = AlignedBuffer<Float>(count: stored.values.count)
            values.pointer.update(from: stored.values, count: stored.values.count)
            for start in stride(from: 0, to: rows, by: 5) {
                let range = (start..<start + 5).clamped(to: 0..<rows)
                let part = MatrixView(pointer: values.pointer + start * columns, rows: range.count, columns: columns)
                for fold in folds { fold.add(range, to: part, pool: pool) }
            }
            changed += folds.count
            for part in tensor.parts {
                guard let module = part.place.role.module, let layer = part.place.layer else { continue }
                let width = plain.shape.inputs(module)
                var wanted = [Float](repeating: 0, count: part.rows * width)
                try weights.read(part.place, rows: 0..<part.rows, into: &wanted)
                if let update = lora.update(layer: layer, module: module) {
                    let alone = LoRAFold(update, strength: 0.5, rows: part.rows, columns: width)
                    wanted.withUnsafeMutableBufferPointer {
                        alone.add(
                            0..<part.rows, to: MatrixView(pointer: $0.baseAddress!, rows: part.rows, columns: width), pool: pool)
                    }
                }
                var worst: Float = 0
                for row in 0..<part.rows {
                    for column in 0..<width {
                        let place = part.order.stored(row)
                        let got = values.pointer[tensor.isTransposed ? column * columns + place : place * columns + column]
                        worst = max(worst, abs(got - wanted[row * width + column]))
                    }
                }
                #expect(worst < 1e-5, "\(tensor.name), \(module)")
            }
        }
        #expect(changed == 5 * plain.layers)
    }
}
