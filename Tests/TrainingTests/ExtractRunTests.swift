import Adapters
import Checkpoints
import Foundation
import JSONText
import Models
import RandomModels
import Tensors
import TestRandomness
import TestSupport
import Testing
import Texts

@testable import Training

/// Whole extractions on tiny models: which activations are read, resuming, refusals, what lies in the output folder.
@Suite struct ExtractRunTests {
    /// The rows that PyTorch's hooks saw, at a block's output and at an MLP's, in one pass; with tokens left out.
    @Test(arguments: [false, true]) func readsTheActivationsThatPyTorchHooksSee(frozen: Bool) throws {
        let folder = try ReferenceAnswers.folder("extract")
        let checkpoint = try Checkpoint.open(path: folder.appendingPathComponent("model").path)
        let config = try ModelConfig.read(checkpoint)
        let pool = WorkerPool(threads: 2)
        let source: ActivationSource =
            frozen
            ? .frozen(try FrozenDecoder(checkpoint: checkpoint, config: config, precision: .f32, layerCount: 2, pool: pool))
            : .served(
                try Decoder.load(
                    config: config, weights: try WeightReader(checkpoint: checkpoint, config: config), format: .f32, pool: pool
                ) { _ in }, kv: .f32)
        let (length, count, width) = (16, 200, config.hiddenSize)
        let places: [(HookPoint, String)] = [
            (.residual(layer: 1), "topk-auxk-adam"), (.mlp(layer: 0), "multi-topk-adam"), (.residual(layer: 0), "few-latents-signum"),
        ]
        let file = try SafetensorsFile(path: folder.appendingPathComponent("tokens.safetensors").path)
        let stored = try file.storedBytes("input_ids")
        let chunks = (0..<count).map { chunk in
            (0..<length).map { place in
                stored.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: (chunk * length + place) * 4, as: Int32.self) }
            }
        }
        let reader = source.reader(places.map(\.0), length: length, batch: count, pool: pool)
        let targets = places.map { _ in UnsafeMutablePointer<Float>.allocate(capacity: count * length * width) }
        defer { targets.forEach { $0.deallocate() } }
        func isWanted(_ position: Int, _ token: Int32) -> Bool { position >= 2 && token != 7 }
        let read = reader.read(chunks, into: targets, wanted: isWanted)
        let rows = chunks.enumerated().flatMap { chunk, tokens in
            tokens.enumerated().filter { isWanted($0.offset, $0.element) }.map { chunk * length + $0.offset }
        }
        #expect(read == rows.count && read < count * (length - 2))
        for (place, target) in zip(places, targets) {
            let tensors = try SafetensorsFile(path: folder.appendingPathComponent("\(place.1)/tensors.safetensors").path)
            let wanted = try tensors.floats("activations")
            var worst: Float = 0
            for (index, row) in rows.enumerated() {
                for column in 0..<width { worst = max(worst, abs(target[index * width + column] - wanted[row * width + column])) }
            }
            #expect(worst < 2e-4, "\(place.0)")
        }
    }

    /// A model and data in a folder of their own.
    final class Workshop {
        let random: RandomCheckpoint
        let source: ActivationSource
        let pool = WorkerPool(threads: 2)
        let chunks: TokenChunks
        var folder: URL { random.folder }

        init() throws {
            var random = try RandomCheckpoint(seed: 8)
            let checkpoint = try Checkpoint.open(path: try random.model().path)
            self.random = random
            let config = try ModelConfig.read(checkpoint)
            source = .served(
                try Decoder.load(
                    config: config, weights: try WeightReader(checkpoint: checkpoint, config: config), format: .bf16, pool: pool
                ) { _ in }, kv: .bf16)
            var draw = SeededRandom(seed: 9)
            let tokens = (0..<14 * 24 + 5).map { _ in Int32.random(in: 0..<256, using: &draw) }
            chunks = try TokenChunks(tokens: tokens, isAnswer: tokens.map { _ in true }, length: 24, file: "data")
        }

        deinit { random.remove() }

        static func settings(_ optimiser: SAETrainerSettings.Optimiser = .signum) -> ExtractSettings {
            var trainer = SAETrainerSettings(latents: 300)
            (trainer.k, trainer.multiTopK, trainer.auxKAlpha, trainer.deadTokens) = (2, true, 0.03, 50)
            (trainer.optimiser, trainer.warmUp, trainer.rate) = (optimiser, 2, 3e-3)
            var settings = ExtractSettings(hookpoints: [.residual(layer: 1), .mlp(layer: 2)], trainer: trainer)
            (settings.batch, settings.epochs, settings.shuffles, settings.skipFirst) = (4, 2, true, 1)
            return settings
        }

        func run(
            _ output: URL, _ settings: ExtractSettings = settings(), resumes: Bool = false, initial: [HookPoint: SparseCoderTensors] = [:],
            as format: ExtractFormat = .f32, progress: (TrainingProgress) -> Void = { _ in }
        ) throws {
            let step = try ExtractStep(
                settings: settings, source: source, chunks: chunks, inputs: ["model": "tiny"], initial: initial,
                result: SAEResult(baseModel: "tiny", format: format), pool: pool)
            try TrainingRun(step, folder: try OutputFolder(output.path), pool: pool).run(
                resumes: resumes, saveEvery: 2, progress: progress)
        }
    }

    /// The folder as `kill -9` leaves it after step 3: the checkpoint of step 2, a log with a line too many and half of another.
    @Test(arguments: SAETrainerSettings.Optimiser.allCases) func aKilledRunEndsInTheSameBits(
        _ optimiser: SAETrainerSettings.Optimiser
    ) throws {
        let workshop = try Workshop()
        let settings = Workshop.settings(optimiser)
        let (whole, killed) = (workshop.folder.appendingPathComponent("whole"), workshop.folder.appendingPathComponent("killed"))
        var losses: [Double] = []
        try workshop.run(whole, settings) { progress in
            losses.append(progress.loss)
            #expect(progress.steps == 6)
            if progress.step == 3 { try? FileManager.default.copyItem(at: whole, to: killed) }
        }
        #expect(Set(losses).count == 6)
        let log = killed.appendingPathComponent("log.jsonl")
        try (Data(contentsOf: log) + Data("{\"step\":4,\"lo".utf8)).write(to: log)
        var found: [Int] = []
        try workshop.run(killed, settings, resumes: true) { found.append($0.step) }
        #expect(found == [3, 4, 5, 6])
        for hookpoint in settings.hookpoints {
            for name in ["\(hookpoint)/sae.safetensors", "\(hookpoint)/cfg.json", "manifest.json", "fvu.svg"] {
                #expect(
                    try Data(contentsOf: whole.appendingPathComponent(name)) == Data(contentsOf: killed.appendingPathComponent(name)),
                    "\(name)")
            }
        }
        let (lines, wanted) = (TrainingLog.read(log.path), TrainingLog.read(whole.appendingPathComponent("log.jsonl").path))
        #expect(lines.map { $0["hookpoints"] } == wanted.map { $0["hookpoints"] })
        #expect(lines.contains { ($0["hookpoints"]?["layers.1"]?["dead"]?.int ?? 0) > 0 })
        let names = try FileManager.default.contentsOfDirectory(atPath: killed.path).sorted()
        #expect(names == ["fvu.svg", "layers.1", "layers.2.mlp", "log.jsonl", "manifest.json"])
    }

    /// What the server reads is what was trained: its reconstruction of the last batch has about the last step's FVU. And training goes on from it.
    @Test(arguments: ExtractFormat.allCases) func theSAELoadsAndCanBeTrainedOn(_ format: ExtractFormat) throws {
        let workshop = try Workshop()
        var settings = Workshop.settings(.adam)
        (settings.epochs, settings.batch, settings.shuffles) = (60, 14, false)
        (settings.hookpoints, settings.trainer.k) = ([.residual(layer: 1)], 6)
        let output = workshop.folder.appendingPathComponent("out")
        var losses: [Double] = []
        try workshop.run(output, settings, as: format) { losses.append($0.loss) }
        #expect(losses.last! < 0.6 * losses.first!)
        let shape = workshop.source.config.shape
        let sae = try SparseAutoencoder.load(
            folder: output.appendingPathComponent("layers.1"), name: "out", digest: "", hookpoint: .residual(layer: 1), shape: shape,
            format: .f32, pool: workshop.pool)
        let (rows, width) = (14 * 23, shape.hiddenSize)
        let activations = workshop.source.reader(settings.hookpoints, length: 24, batch: 14, pool: workshop.pool)
        let workspace = Workspace()
        let x = MatrixView(pointer: workspace.allocate(Float.self, rows * width), rows: rows, columns: width)
        let read = activations.read((0..<14).map { workshop.chunks.tokens($0) }, into: [x.pointer]) { position, _ in position >= 1 }
        #expect(read == rows)
        let reconstruction = workspace.matrix(rows, width)
        let latents = sae.encode(x, pool: workshop.pool, workspace: workspace)
        sae.decode(latents, input: x, into: reconstruction, pool: workshop.pool, workspace: workspace)
        var fvu = FractionOfVarianceUnexplained(width: width)
        fvu.add(target: x, reconstruction: reconstruction)
        let last = try #require(
            TrainingLog.read(output.appendingPathComponent("log.jsonl").path).last?["hookpoints"]?["layers.1"]?["fvu"]?.double)
        #expect(abs(Double(try #require(fvu.value)) - last) < 0.02)

        let (start, k) = try SparseCoderTensors.start(from: output.path, hookpoint: .residual(layer: 1), shape: shape)
        #expect(k == 6)
        settings.maximumSteps = 1
        settings.trainer.warmUp = 0
        settings.trainer.rate = 1e-6
        var again = 0.0
        try workshop.run(
            workshop.folder.appendingPathComponent("again"), settings, initial: [.residual(layer: 1): start]
        ) { again = $0.loss }
        #expect(abs(again - losses.last!) < 0.05 * losses.first!)
    }

    @Test func refusesWhatWouldSpoilARun() throws {
        let workshop = try Workshop()
        let output = workshop.folder.appendingPathComponent("out")
        var snapshot: URL?
        try workshop.run(output) { progress in
            #expect(throws: TrainingError.busy(folder: output.path)) { try OutputFolder(output.path) }
            guard progress.step == 3 else { return }
            snapshot = workshop.folder.appendingPathComponent("snapshot")
            try? FileManager.default.copyItem(at: output, to: snapshot!)
        }
        let killed = try #require(snapshot)
        let changes: [(String, (inout ExtractSettings) -> Void)] = [
            ("latents", { $0.trainer.latents = 256 }), ("rate", { $0.trainer.rate = 1e-2 }), ("seed", { $0.trainer.seed = 1 }),
            ("optimiser", { $0.trainer.optimiser = .adam }), ("hookpoints", { $0.hookpoints = [.residual(layer: 1)] }),
            ("batch", { $0.batch = 2 }),
        ]
        for (name, change) in changes {
            var settings = Workshop.settings()
            change(&settings)
            #expect { try workshop.run(killed, settings, resumes: true) } throws: { "\($0)".contains(" \(name) is ") }
        }
        let checkpoint = killed.appendingPathComponent("checkpoint.safetensors")
        try Data(contentsOf: checkpoint).dropLast(100).write(to: checkpoint)
        #expect(throws: CheckpointError.self) { try workshop.run(killed, resumes: true) }

        #expect(throws: TrainingError.occupied(folder: output.path)) { try workshop.run(output) }

        let refused: [(String, (inout ExtractSettings) -> Void)] = [
            ("--hookpoint", { $0.hookpoints = [.residual(layer: 3)] }), ("--hookpoint", { $0.hookpoints = [] }),
            ("--batch", { $0.batch = 15 }), ("--k", { $0.trainer.k = 301 }), ("--rate", { $0.trainer.rate = 0 }),
            ("--skip-first", { $0.skipFirst = 24 }), ("--exclude-token", { $0.excludedTokens = Set(0..<256) }),
        ]
        for (name, change) in refused {
            var settings = Workshop.settings()
            change(&settings)
            let elsewhere = workshop.folder.appendingPathComponent("elsewhere")
            #expect { try workshop.run(elsewhere, settings) } throws: { "\($0)".hasPrefix("\(name) ") }
        }
    }
}
