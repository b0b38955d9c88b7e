import Adapters
import Foundation
import JSONText
import Models
import RandomModels
import Tensors
import Testing
import Texts

@testable import Training

/// What runs start from, and what they say they take, from the files of a model and an SAE.
@Suite struct StartTests {
    private final class Place {
        let random: RandomCheckpoint
        let weights: ModelWeights
        let sae: String
        let chunks: TokenChunks

        init() throws {
            var random = try RandomCheckpoint(seed: 9)
            weights = try ModelWeights(path: try random.model().path)
            try random.sae("sae", hookpoints: ["layers.0", "layers.1"], latents: 128, k: 6)
            sae = random.folder.appendingPathComponent("adapters/sae").path
            chunks = try TokenChunks(tokens: Array(0..<200), isAnswer: Array(repeating: true, count: 200), length: 24, file: "data")
            self.random = random
        }

        deinit { random.remove() }
    }

    @Test func newSAEsAndTrainedOnes() throws {
        let place = try Place()
        let shape = place.weights.config.shape
        let hookpoints = [HookPoint.residual(layer: 0), .residual(layer: 1)]
        func start(_ folder: String?, latents: Int? = nil, k: Int? = nil) throws -> SparseCoderStart {
            try SparseCoderStart(at: hookpoints, from: folder, latents: latents, k: k, otherwise: 640, shape: shape)
        }
        let new = try start(nil)
        #expect((new.latents, new.k) == (640, 32) && new.tensors.isEmpty)
        #expect(try start(nil, latents: 96, k: 4).latents == 96 && start(nil, latents: 96, k: 4).k == 4)
        let trained = try start(place.sae)
        #expect((trained.latents, trained.k) == (128, 6) && Set(trained.tensors.keys) == Set(hookpoints))
        #expect(try start(place.sae, k: 9).k == 9)
        #expect(throws: TrainingError.self) { try start(place.sae, latents: 64) }
    }

    @Test func memoryByHowTheModelIsRead() throws {
        let place = try Place()
        let settings = ExtractSettings(hookpoints: [.residual(layer: 0)], trainer: SAETrainerSettings(latents: 128))
        func parts(_ format: WeightFormat, _ kv: KVFormat) throws -> [String: Int] {
            let memory = try ExtractMemory(
                settings: settings, weights: place.weights, format: format, kv: kv, chunks: place.chunks, threads: 1)
            return Dictionary(uniqueKeysWithValues: memory.parts.map { ($0.name, $0.bytes) })
        }
        // Only the lowest block is read by a frozen decoder; what serves is packed whole.
        let (frozen, served, small) = (try parts(.f32, .f32), try parts(.f32, .bf16), try parts(.int8, .bf16))
        #expect(frozen["weights"]! < served["weights"]! && small["weights"]! < served["weights"]!)
        #expect(small["weights"] == (try place.weights.plan(.int8).byteCount) && frozen["activations"] == small["activations"])
        #expect(
            ActivationSource.prefersFrozen(.f32, kv: .f32) && !ActivationSource.prefersFrozen(.f32, kv: .bf16)
                && !ActivationSource.prefersFrozen(.bf16, kv: .f32))
        var capped = place.weights.config
        #expect(ActivationSource.isFrozen(capped, .f32, kv: .f32) && !ActivationSource.isFrozen(capped, .f32, kv: .bf16))
        // What training does not compute is read as it is served.
        capped.block.scoreCap = 50
        #expect(!ActivationSource.isFrozen(capped, .f32, kv: .f32))
    }

    @Test func statesAreKeptBelowACutAlone() throws {
        let place = try Place()
        let layout = try SAEFolder(place.sae, hookpoint: .residual(layer: 1), shape: place.weights.config.shape).layout
        func kept(_ sae: (any SAELayout)?, _ gradient: SAEGradient) throws -> Int? {
            try TuneMemory(
                weights: place.weights, precision: .f32, sae: sae, saeFormat: .f32, gradient: gradient, settings: TuneSettings(),
                chunks: place.chunks, traceBytes: 0, cacheBytes: 1 << 30
            ).parts.first { $0.name == "states kept between epochs" }?.bytes
        }
        #expect(try kept(layout, .cut) == place.chunks.tokenCount * 64 * 8)
        #expect(try kept(layout, .through) == 0 && kept(nil, .cut) == 0)
    }

    @Test func aTunerStartsFromAnAdapterAndNamesItsInputs() throws {
        let place = try Place()
        let pool = WorkerPool(threads: 1)
        let decoder = try FrozenDecoder(
            checkpoint: place.weights.checkpoint, config: place.weights.config, precision: .f32, pool: pool)
        var settings = TuneSettings()
        (settings.rank, settings.alpha, settings.objective) = (4, 8, .crossEntropy)
        func tuner(start: String?) throws -> FineTuner {
            try FineTuner(
                decoder: decoder, settings: settings, start: start, splice: nil, length: 24, traceBytes: 0, cacheBytes: 0, pool: pool)
        }
        let first = try tuner(start: nil)
        let count = first.lora.count
        for index in 0..<count { first.lora.values.pointer[index] += Float(index % 7) }
        let out = place.random.folder.appendingPathComponent("start")
        try first.lora.write(to: try OutputFolder(out.path), dropout: 0, baseModel: "tiny")
        let second = try tuner(start: out.path)
        #expect((0..<count).allSatisfy { second.lora.values.pointer[$0] == first.lora.values.pointer[$0] })
        #expect(throws: (any Error).self) { try tuner(start: place.sae) }
        let inputs = TuneStep.inputs(decoder, place.chunks, nil, gradient: .cut, shuffle: 7, start: "a")
        #expect(inputs["model"] == .string(decoder.digest) && inputs["sae"] == .null && inputs["hookpoint"] == .null)
        #expect(inputs["sae_shuffle"] == .string("7") && inputs["start"] == .string("a") && inputs["sae_gradient"] == .string("cut"))
    }
}
