import Adapters
import Checkpoints
import Foundation
import JSONText
import Models
import Processes
import RandomModels
import Tensors
import TestRandomness
import Testing
import Texts

@testable import Training

/// Whole runs on a tiny random model: resuming, refusals, what lies in the output folder.
@Suite struct TuneRunTests {
    /// A model, an SAE and data in a folder of their own.
    final class Workshop {
        let random: RandomCheckpoint
        let decoder: FrozenDecoder
        let pool = WorkerPool(threads: 2)
        let chunks: TokenChunks
        var folder: URL { random.folder }

        init() throws {
            var random = try RandomCheckpoint(seed: 5)
            let model = try random.model()
            try random.sae("sae", hookpoints: ["layers.0"])
            self.random = random
            let checkpoint = try Checkpoint.open(path: model.path)
            decoder = try FrozenDecoder(
                checkpoint: checkpoint, config: try ModelConfig.read(checkpoint), precision: .f32, pool: pool)
            var draw = SeededRandom(seed: 6)
            let tokens = (0..<5 * 24 + 7).map { _ in Int32.random(in: 0..<256, using: &draw) }
            chunks = try TokenChunks(tokens: tokens, isAnswer: tokens.map { $0 % 3 > 0 }, length: 24, file: "data")
        }

        deinit { random.remove() }

        static var settings: TuneSettings {
            var settings = TuneSettings()
            (settings.rank, settings.alpha, settings.dropout, settings.rate) = (4, 8, 0.2, 1e-2)
            (settings.epochs, settings.batch, settings.seed) = (3, 2, 11)
            return settings
        }

        func run(
            _ output: URL, _ settings: TuneSettings = settings, resumes: Bool = false, poison: Bool = false,
            progress: (TrainingProgress) -> Void = { _ in }
        ) throws {
            let lora = LoRAParameters(
                shape: decoder.config.shape, rank: settings.rank, alpha: settings.alpha, modules: settings.modules, seed: settings.seed)
            if poison { lora.values.pointer[lora.count - 1] = .nan }
            let layout = try SAEFolder(folder.appendingPathComponent("adapters/sae").path, hookpoint: nil, shape: decoder.config.shape)
                .layout
            let sae = try SAESplice(try layout.load(digest: "", format: .f32, pool: pool), gradient: .cut, rows: chunks.length)
            let tuner = FineTuner(
                decoder: decoder, lora: lora, splice: (layout.hookpoint, sae), objective: settings.objective, length: chunks.length,
                dropout: Float(settings.dropout), traceBytes: 0, cacheBytes: 1 << 20, pool: pool)
            let step = try TuneStep(
                settings: settings, tuner: tuner, chunks: chunks, inputs: ["model": "tiny"],
                result: LoRAResult(name: "out", baseModel: "tiny"),
                pool: pool)
            try TrainingRun(step, folder: try OutputFolder(output.path), pool: pool).run(
                resumes: resumes, saveEvery: 2, progress: progress)
        }
    }

    /// The folder as `kill -9` leaves it after step 3: the checkpoint of step 2, a log with a line too many and half of another.
    @Test func aKilledRunEndsInTheSameBits() throws {
        let workshop = try Workshop()
        let (whole, killed) = (workshop.folder.appendingPathComponent("whole"), workshop.folder.appendingPathComponent("killed"))
        var losses: [Double] = []
        try workshop.run(whole) { progress in
            losses.append(progress.loss)
            #expect(progress.steps == 6)
            if progress.step == 3 { try? FileManager.default.copyItem(at: whole, to: killed) }
        }
        let log = killed.appendingPathComponent("log.jsonl")
        try (Data(contentsOf: log) + Data("{\"step\":4,\"lo".utf8)).write(to: log)
        #expect(throws: CheckpointError.self) { try workshop.run(workshop.folder.appendingPathComponent("empty"), resumes: true) }
        var found: [Int] = []
        try workshop.run(killed, resumes: true) { found.append($0.step) }
        #expect(found == [3, 4, 5, 6])
        for name in ["adapter_model.safetensors", "adapter_config.json"] {
            #expect(
                try Data(contentsOf: whole.appendingPathComponent(name)) == Data(contentsOf: killed.appendingPathComponent(name)), "\(name)"
            )
        }
        let lines = TrainingLog.read(log.path)
        #expect(lines.compactMap { $0["step"]?.int } == Array(1...6))
        #expect(lines.compactMap { $0["loss"]?.double } == losses)
        let names = try FileManager.default.contentsOfDirectory(atPath: killed.path).sorted()
        #expect(names == ["adapter_config.json", "adapter_model.safetensors", "log.jsonl", "loss.svg", "manifest.json"])
        #expect(Set(losses).count == 6)
    }

    /// What the server would load: every projection there, B exactly zero at and below the hook and not above it.
    @Test func theAdapterLoadsAndIsZeroBelowTheHook() throws {
        let workshop = try Workshop()
        let output = workshop.folder.appendingPathComponent("out")
        try workshop.run(output)
        let lora = try LoRAAdapter.load(
            folder: output, name: "out", digest: "", shape: workshop.decoder.config.shape, format: .f32, pool: workshop.pool)
        for layer in 0..<RandomCheckpoint.layers {
            for module in ProjectionModule.allCases {
                let update = try #require(lora.update(layer: layer, module: module))
                #expect(update.doesNothing == (layer == 0))
                #expect(update.scale == 2 && update.rank == 4)
            }
        }
    }

    @Test func resultsDoNotDependOnThreadsOrMemory() throws {
        let workshop = try Workshop()
        var results: [[Float]] = []
        for (threads, traceBytes, cacheBytes) in [(1, 0, 0), (3, 1 << 30, 1 << 30)] {
            let pool = WorkerPool(threads: threads)
            let lora = LoRAParameters(
                shape: workshop.decoder.config.shape, rank: 4, alpha: 8, modules: ProjectionModule.allCases, seed: 3)
            let layout = try SAEFolder(
                workshop.folder.appendingPathComponent("adapters/sae").path, hookpoint: HookPoint("layers.0"),
                shape: workshop.decoder.config.shape
            ).layout
            let sae = try SAESplice(try layout.load(digest: "", format: .f32, pool: pool), gradient: .cut, rows: 24, shuffleSeed: 4)
            let tuner = FineTuner(
                decoder: workshop.decoder, lora: lora, splice: (layout.hookpoint, sae), objective: .reverseKL, length: 24, dropout: 0.3,
                traceBytes: traceBytes, cacheBytes: cacheBytes, pool: pool)
            lora.clearGradients()
            var values: [Float] = []
            for pass in 0..<2 {
                let loss = tuner.accumulate(
                    tokens: workshop.chunks.tokens(0), sequence: 0, positions: [0, 3, 23], weight: 0.5, dropoutKey: UInt64(pass))
                values.append(Float(loss))
            }
            values += Array(UnsafeBufferPointer(start: lora.gradients.pointer, count: lora.count))
            #expect(values.contains { $0 != 0 })
            results.append(values)
        }
        #expect(results[0] == results[1])
    }

    @Test func refusesWhatWouldSpoilARun() throws {
        let workshop = try Workshop()
        let output = workshop.folder.appendingPathComponent("out")
        #expect(throws: TrainingError.notFinite(step: 1, what: "the loss", advice: Self.advice)) { try workshop.run(output, poison: true) }
        #expect(!FileManager.default.fileExists(atPath: output.appendingPathComponent("adapter_config.json").path))

        let holder = try OutputFolder(output.path)
        #expect(throws: TrainingError.busy(folder: output.path)) { try OutputFolder(output.path) }
        _ = consume holder

        // A checkpoint of another rank, and of another rate.
        var snapshot: URL?
        try workshop.run(output) { progress in
            guard progress.step == 3 else { return }
            snapshot = workshop.folder.appendingPathComponent("snapshot")
            try? FileManager.default.copyItem(at: output, to: snapshot!)
        }
        for change in [{ $0.rank = 8 }, { $0.rate = 2e-2 }, { $0.seed = 12 }] as [(inout TuneSettings) -> Void] {
            var settings = Workshop.settings
            change(&settings)
            #expect(throws: TrainingError.self) { try workshop.run(try #require(snapshot), settings, resumes: true) }
        }
        // Results that another run left.
        #expect(throws: TrainingError.occupied(folder: output.path)) { try workshop.run(output) }
        // A checkpoint of the other kind of run.
        let extractions = try ExtractRunTests.Workshop()
        let extracted = extractions.folder.appendingPathComponent("out")
        var other: URL?
        try extractions.run(extracted) { progress in
            guard progress.step == 3 else { return }
            other = extractions.folder.appendingPathComponent("snapshot")
            try? FileManager.default.copyItem(at: extracted, to: other!)
        }
        #expect { try workshop.run(try #require(other), resumes: true) } throws: {
            "\($0)".contains("the kind of run is extract 1, but this run has tune 1")
        }
        // What the other kind of run made, with and without --resume: nothing of it is touched.
        let (log, manifest) = (extracted.appendingPathComponent("log.jsonl"), extracted.appendingPathComponent("manifest.json"))
        let before = try [log, manifest].map { try Data(contentsOf: $0) }
        #expect(throws: TrainingError.occupied(folder: extracted.path)) { try workshop.run(extracted) }
        #expect(try [log, manifest].map { try Data(contentsOf: $0) } == before)
        func found(_ path: URL, _ kind: any TrainingStep.Type) throws -> TrainingFolder {
            try TrainingFolder(try OutputFolder(path.path), at: path.path, of: kind, resumes: true, group: ProcessGroup())
        }
        #expect(try found(extracted, TuneStep.self) == .new && found(extracted, ExtractStep.self) == .finished)
        #expect(try found(output, ExtractStep.self) == .new && found(output, TuneStep.self) == .finished)
        #expect(try found(try #require(snapshot), TuneStep.self) == .underway)
        // A checkpoint of more steps than the run has.
        let far = workshop.folder.appendingPathComponent("far")
        try FileManager.default.copyItem(at: try #require(snapshot), to: far)
        let kept = far.appendingPathComponent("checkpoint.safetensors")
        var bytes = [UInt8](try Data(contentsOf: kept))
        let place = try #require(bytes.firstRange(of: Array("\"step\":\"2\"".utf8)))
        bytes[place.upperBound - 2] = UInt8(ascii: "9")
        try Data(bytes).write(to: kept)
        #expect { try workshop.run(far, resumes: true) } throws: { "\($0)".contains("the number of steps is 9, but this run has 1 to 6") }
        // And one that was damaged.
        let checkpoint = try #require(snapshot).appendingPathComponent("checkpoint.safetensors")
        try Data(contentsOf: checkpoint).dropLast(100).write(to: checkpoint)
        #expect(throws: CheckpointError.self) { try workshop.run(try #require(snapshot), resumes: true) }
    }

    private static let advice = "a smaller --rate, --clip or --weights f32 may help; the last checkpoint is as it was"
}
