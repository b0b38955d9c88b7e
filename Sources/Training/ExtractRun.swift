import Adapters
import Checkpoints
import Foundation
import JSONText
import Measuring
import Models
import Processes
import Tensors
import Texts

/// Trains SAEs at several hookpoints in one pass of a model over the text, and leaves an adapter's folder: a sparsify folder for each
/// hookpoint, `manifest.json`, log and curves. It can be killed at any moment and goes on from its last checkpoint to the bits it would have
/// reached without.
///
/// Several processes share the chunks of every step: each runs the model and the SAEs' forward pass on its own (`SparseCoderStep`).
package final class ExtractRun {
    package let settings: ExtractSettings
    package let steps: Int
    private let chunks: TokenChunks
    /// Only the process that leads has it.
    private let folder: OutputFolder?
    private let group: ProcessGroup
    private let width: Int
    private let facts: JSONObject
    private let initial: [HookPoint: SparseCoderTensors]
    private let step: SparseCoderStep
    private let activations: any ActivationReader
    /// By hookpoint, `[tokens of this process, hidden]`.
    private let inputs: [InputBuffer]
    private var order: (epoch: Int, chunks: [Int]) = (-1, [])

    package static let chartFile = "fvu.svg"
    package static let manifestFile = "manifest.json"

    /// - Parameters:
    ///   - inputs: names and digests of what goes in, by which a checkpoint of another run is told.
    ///   - initial: SAEs to start from, of the settings' latents; hookpoints that are not named begin new.
    ///   - folder: nil in processes that do not lead.
    /// - Throws: `TrainingError.badSetting`.
    package init(
        settings: ExtractSettings, source: ActivationSource, chunks: TokenChunks, folder: OutputFolder?, inputs: JSONObject,
        initial: [HookPoint: SparseCoderTensors] = [:], pool: WorkerPool, group: ProcessGroup = ProcessGroup()
    ) throws(TrainingError) {
        try settings.check(config: source.config, chunks: chunks, group: group)
        (self.settings, self.chunks, self.folder, self.initial, self.group) = (settings, chunks, folder, initial, group)
        steps = settings.steps(chunks)
        width = source.config.hiddenSize
        var facts = settings.facts()
        facts["length"] = .int(chunks.length)
        for (key, value) in source.facts { facts[key] = value }
        for (key, value) in inputs { facts[key] = value }
        for (hookpoint, tensors) in initial.sorted(by: { $0.key < $1.key }) {
            let bytes = UnsafeRawBufferPointer(start: tensors.encoder.pointer, count: tensors.encoder.count * 4)
            facts["start at \(hookpoint)"] = .string(ContentDigest(bytes: bytes).description)
        }
        self.facts = facts
        step = SAETrainer.makeStep(
            width: width, settings: settings.trainer, maxTokens: settings.batch * chunks.length, pool: pool, group: group)
        let share = group.share(of: settings.batch).count
        activations = source.reader(settings.hookpoints, length: chunks.length, batch: share, pool: pool)
        self.inputs = settings.hookpoints.map { [width] _ in InputBuffer(share * chunks.length * width) }
        try group.requireSameRun(self.facts, on: pool.instructionSet)
    }

    /// Whether the folder holds a checkpoint of a run under way, or finished SAEs.
    package static func isUnderway(_ folder: OutputFolder) -> Bool { folder.holds(ExtractCheckpoint.file) }
    package static func isFinished(_ folder: OutputFolder) -> Bool { !isUnderway(folder) && folder.holds(manifestFile) }

    /// Runs to the end and writes the SAEs, manifest, log and chart. The checkpoint is removed last.
    /// - Parameters:
    ///   - resumes: goes on from the folder's checkpoint.
    ///   - saveEvery: steps between checkpoints.
    ///   - shouldStop: asked after every step; true ends the run there, with a checkpoint.
    /// - Throws: `.notFinite` with the step that made it, and the checkpoint before it stays; `.occupied` when there are SAEs already.
    @discardableResult package func run(
        resumes: Bool, saveEvery: Int, baseModel: String, data: String = "", as format: ExtractFormat = .f32,
        shouldStop: () -> Bool = { false }, progress: (TuneRun.Progress) -> Void = { _ in }
    ) throws -> TuneRun.End {
        let trainers = try startingTrainers(resumes: resumes)
        for trainer in trainers { trainer.follow(group) }
        let found = trainers[0].steps
        let log = try folder.map { try TrainingLog(folder: $0, afterStep: found) }
        let start = ContinuousClock.now
        var (trained, last) = (0, [SAETrainer.Report]())
        for step in found..<max(steps, found) {
            let (reports, line, tokens) = try take(step, trainers)
            (trained, last) = (trained + tokens, reports)
            try log?.append(line)
            progress(
                TuneRun.Progress(
                    step: step + 1, steps: steps, found: found, loss: reports.reduce(0) { $0 + $1.loss } / Double(reports.count),
                    tokensPerSecond: Double(trained) / max((ContinuousClock.now - start).seconds, 1e-9)))
            guard step + 1 < steps else { break }
            let stops = group.anywhere(shouldStop())
            if stops || (step + 1) % saveEvery == 0, let folder {
                try log?.sync()
                try ExtractCheckpoint.write(trainers, facts: facts, to: folder)
                try writeChart(to: folder)
            }
            if stops { return .stopped(afterStep: step + 1) }
        }
        try log?.sync()
        guard let folder else { return .finished }
        // Whatever fails from here on can be repeated from this one.
        if !last.isEmpty { try ExtractCheckpoint.write(trainers, facts: facts, to: folder) }
        for trainer in trainers { try write(trainer, as: format, to: folder) }
        try writeChart(to: folder)
        let manifest = manifest(baseModel, data, format, folder)
        try folder.write(Self.manifestFile, JSONWriter.bytes(.object(manifest)) + [0x0A])
        try folder.remove(ExtractCheckpoint.file)
        try DurableFile.syncFolder(folder.path)
        return .finished
    }

    /// New ones, or in the process that leads those of the checkpoint.
    private func startingTrainers(resumes: Bool) throws -> [SAETrainer] {
        if let folder {
            if resumes { return try ExtractCheckpoint.read(settings, width: width, facts: facts, from: folder) }
            for hookpoint in settings.hookpoints where folder.holds("\(hookpoint)") {
                throw TrainingError.occupied(folder: folder.path)
            }
        }
        return settings.hookpoints.map { hookpoint in
            initial[hookpoint].map { SAETrainer(hookpoint: hookpoint, from: $0, settings: settings.trainer) }
                ?? SAETrainer(hookpoint: hookpoint, width: width, settings: settings.trainer)
        }
    }

    /// One step, counted from 0: the model's activations on this process's part of its chunks, and a step of every SAE on all of them.
    /// - Returns: also the tokens of all processes.
    private func take(
        _ number: Int, _ trainers: [SAETrainer]
    ) throws(TrainingError) -> (reports: [SAETrainer.Report], line: JSONObject, tokens: Int) {
        let began = ContinuousClock.now
        let (skip, excluded) = (settings.skipFirst, settings.excludedTokens)
        let text = group.share(of: settings.batch).map { chunks.tokens(chunk(number, $0)) }
        let own = activations.read(text, into: inputs.map(\.pointer)) { position, token in
            position >= skip && (excluded.isEmpty || !excluded.contains(token))
        }
        let tokens = group.gather(own).reduce(0, +)
        guard tokens > 0 else {
            throw .badSetting(name: "--exclude-token", problem: "leaves no token of step \(number + 1) to train on")
        }
        let read = ContinuousClock.now
        var reports: [SAETrainer.Report] = []
        var hookpoints = JSONObject()
        for (trainer, input) in zip(trainers, inputs) {
            let report = try trainer.train(on: input.pointer, tokens: own, step: step, of: steps)
            reports.append(report)
            hookpoints["\(trainer.hookpoint)"] = [
                "loss": .double(report.loss), "fvu": .double(report.losses.fvu), "auxk": .double(report.losses.auxK),
                "multi_topk_fvu": .double(report.losses.multiFVU), "dead": .int(report.dead),
            ]
        }
        let end = ContinuousClock.now
        let line: JSONObject = [
            "step": .int(number + 1), "epoch": .int(number / (chunks.count / settings.batch)), "tokens": .int(tokens),
            "rate": .double(reports[0].rate), "hookpoints": .object(hookpoints), "model_seconds": .double((read - began).seconds),
            "sae_seconds": .double((end - read).seconds),
        ]
        return (reports, line, tokens)
    }

    /// The chunk that is part `part` of a step.
    private func chunk(_ step: Int, _ part: Int) -> Int {
        let perEpoch = chunks.count / settings.batch
        let place = step % perEpoch * settings.batch + part
        guard settings.shuffles else { return place }
        let epoch = step / perEpoch
        if order.epoch != epoch {
            order = (epoch, KeyedRandom.permutation(chunks.count, key: KeyedRandom.key(settings.trainer.seed, .order, epoch)))
        }
        return order.chunks[place]
    }

    /// A sparsify folder.
    private func write(_ trainer: SAETrainer, as format: ExtractFormat, to folder: OutputFolder) throws(TrainingError) {
        let place = folder.file("\(trainer.hookpoint)")
        do { try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true) } catch {
            throw .disk(path: place, doing: "making the folder", reason: error.localizedDescription)
        }
        let tensors = trainer.exported()
        let writer = try TensorFileWriter(
            path: "\(place)/\(SparsifyLayout.tensorFile)", entries: tensors.entries(prefix: "", as: format), metadata: [("format", "pt")])
        try tensors.write(to: writer, as: format)
        try writer.commit()
        let config: JSON = [
            "activation": "topk", "expansion_factor": .int(max(trainer.settings.latents / width, 1)), "normalize_decoder": true,
            "num_latents": .int(trainer.settings.latents), "k": .int(trainer.settings.k), "multi_topk": .bool(trainer.settings.multiTopK),
            "skip_connection": false, "transcode": false, "d_in": .int(width),
        ]
        try folder.write("\(trainer.hookpoint)/\(SparsifyLayout.configFile)", JSONWriter.bytes(config))
    }

    private func writeChart(to folder: OutputFolder) throws(TrainingError) {
        let lines = TrainingLog.read(folder.file(TrainingLog.file))
        let curves = settings.hookpoints.map { hookpoint in
            CurveChart.Curve(
                title: "fraction of variance unexplained at \(hookpoint)",
                points: lines.compactMap { line in
                    line["step"]?.double.flatMap { step in
                        line["hookpoints"]?["\(hookpoint)"]?["fvu"]?.double.map { (step: step, value: $0) }
                    }
                })
        }
        try folder.write(Self.chartFile, Array(CurveChart.svg(title: "resa extract", curves: curves).utf8))
    }

    private func manifest(_ baseModel: String, _ data: String, _ format: ExtractFormat, _ folder: OutputFolder) -> JSONObject {
        let lines = TrainingLog.read(folder.file(TrainingLog.file)).suffix(20)
        var fvu = JSONObject()
        for hookpoint in settings.hookpoints {
            let values = lines.compactMap { $0["hookpoints"]?["\(hookpoint)"]?["fvu"]?.double }
            fvu["\(hookpoint)"] = .double(values.reduce(0, +) / Double(max(values.count, 1)))
        }
        let places = settings.hookpoints.map { "\($0)" }.joined(separator: ", ")
        return [
            "kind": "sae", "base_model": .string(baseModel), "made_by": "resa extract",
            "description": .string("TopK SAE of \(settings.trainer.latents) latents, k \(settings.trainer.k), at \(places)."),
            "hookpoints": .array(settings.hookpoints.map { .string("\($0)") }), "data": .string(data), "steps": .int(steps),
            "method": .object(facts), "fvu_last_20_steps": .object(fvu), "stored_as": .string(format.rawValue),
        ]
    }

    private final class InputBuffer {
        private let memory: AlignedBuffer<Float>
        init(_ count: Int) { memory = AlignedBuffer(count: count) }
        var pointer: UnsafeMutablePointer<Float> { memory.pointer }
    }
}
