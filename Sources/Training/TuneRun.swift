import Adapters
import Foundation
import JSONText
import Measuring
import Models
import Processes
import Tensors
import Texts

/// A tuning run from data to adapter: order, steps, log, checkpoints. It can be killed at any moment and goes on from its last checkpoint to
/// the bits it would have reached without.
///
/// Several processes share the chunks of every step and add up their gradients; each then makes the same step of the optimiser.
package final class TuneRun {
    /// What is heard after every step.
    package struct Progress: Sendable {
        /// Steps done, of so many.
        package var step: Int
        package var steps: Int
        /// Steps that an earlier process did.
        package var found: Int
        package var loss: Double
        package var tokensPerSecond: Double
    }

    /// How a run ended without an error.
    package enum End: Sendable, Equatable {
        case finished
        /// It was asked to stop: its checkpoint is that of this step.
        case stopped(afterStep: Int)
    }

    package let settings: TuneSettings
    package let steps: Int
    private let tuner: FineTuner
    private let chunks: TokenChunks
    /// Only the process that leads has it.
    private let folder: OutputFolder?
    private let group: ProcessGroup
    private let pool: WorkerPool
    private let facts: JSONObject
    private let rate: LearningRate
    private var order: (epoch: Int, chunks: [Int]) = (-1, [])

    package static let chartFile = "loss.svg"

    /// - Parameters:
    ///   - inputs: names and digests of what goes in, by which a checkpoint of another run is told.
    ///   - folder: nil in processes that do not lead.
    /// - Throws: `.badSetting` when the data is too short for one step, or no gradient reaches any projection; `.unlikeProcess`.
    package init(
        settings: TuneSettings, tuner: FineTuner, chunks: TokenChunks, folder: OutputFolder?, inputs: JSONObject, pool: WorkerPool,
        group: ProcessGroup = ProcessGroup()
    ) throws(TrainingError) {
        self.settings = settings
        self.tuner = tuner
        self.chunks = chunks
        self.folder = folder
        (self.pool, self.group) = (pool, group)
        guard tuner.lora.trainedCount > 0 else {
            throw .badSetting(
                name: "--hookpoint", problem: "leaves nothing to train: with --sae-grad cut only layers above it do, and --modules of them")
        }
        let stepsPerEpoch = chunks.count / settings.batch
        guard stepsPerEpoch > 0 else {
            throw .badSetting(
                name: "--batch", problem: "is \(settings.batch), but the data has only \(chunks.count) chunks of \(chunks.length) tokens")
        }
        steps = min(stepsPerEpoch * settings.epochs, settings.maximumSteps ?? Int.max)
        rate = LearningRate(peak: settings.rate, schedule: settings.schedule, warmup: settings.warmup, steps: steps)
        var facts = settings.facts()
        facts["length"] = .int(chunks.length)
        facts["parameters"] = .int(tuner.lora.count)
        for (key, value) in inputs { facts[key] = value }
        self.facts = facts
        try group.requireSameRun(facts, on: pool.instructionSet)
    }

    /// Whether the folder holds a checkpoint of a run under way, or a finished adapter.
    package static func isUnderway(_ folder: OutputFolder) -> Bool { folder.holds(TrainingCheckpoint.file) }
    package static func isFinished(_ folder: OutputFolder) -> Bool {
        !isUnderway(folder) && LoRAParameters.adapterFiles.allSatisfy(folder.holds)
    }

    /// Runs to the end and writes adapter, log and chart. The checkpoint is removed last.
    /// - Parameters:
    ///   - resumes: goes on from the folder's checkpoint.
    ///   - saveEvery: steps between checkpoints.
    ///   - shouldStop: asked after every step; true ends the run there, with a checkpoint.
    /// - Throws: `.notFinite` with the step that made it; the checkpoint before it stays.
    @discardableResult package func run(
        resumes: Bool, saveEvery: Int, baseModel: String, asBF16: Bool = false, shouldStop: () -> Bool = { false },
        progress: (Progress) -> Void = { _ in }
    ) throws -> End {
        let found = try startingStep(resumes: resumes)
        let log = try folder.map { try TrainingLog(folder: $0, afterStep: found) }
        let start = ContinuousClock.now
        for step in found..<max(steps, found) {
            let began = ContinuousClock.now
            let (loss, norm, learningRate) = try take(step)
            let seconds = (ContinuousClock.now - began).seconds
            let tokens = settings.batch * chunks.length
            try log?.append([
                "step": .int(step + 1), "epoch": .int(step / (chunks.count / settings.batch)), "loss": .double(loss),
                "rate": .double(learningRate),
                "gradient_norm": .double(norm), "tokens": .int((step + 1) * tokens),
                "tokens_per_second": .double(Double(tokens) / max(seconds, 1e-9)),
            ])
            let elapsed = (ContinuousClock.now - start).seconds
            progress(
                Progress(
                    step: step + 1, steps: steps, found: found, loss: loss,
                    tokensPerSecond: Double((step + 1 - found) * tokens) / max(elapsed, 1e-9)))
            guard step + 1 < steps else { break }
            let stops = group.anywhere(shouldStop())
            if stops || (step + 1) % saveEvery == 0, let folder {
                try log?.sync()
                try TrainingCheckpoint.write(tuner.lora, step: step + 1, facts: facts, to: folder)
            }
            if stops { return .stopped(afterStep: step + 1) }
        }
        try log?.sync()
        guard let folder else { return .finished }
        // Whatever fails from here on can be repeated from this one.
        try TrainingCheckpoint.write(tuner.lora, step: steps, facts: facts, to: folder)
        try tuner.lora.write(to: folder, dropout: settings.dropout, baseModel: baseModel, asBF16: asBF16)
        try writeChart(to: folder)
        try writeManifest(baseModel: baseModel, to: folder)
        try folder.remove(TrainingCheckpoint.file)
        try DurableFile.syncFolder(folder.path)
        return .finished
    }

    /// Puts all processes where the checkpoint of the one that leads is, or where its LoRA begins.
    /// - Returns: the steps done.
    private func startingStep(resumes: Bool) throws -> Int {
        let lora = tuner.lora
        var found = 0
        if resumes, let folder { found = try TrainingCheckpoint.read(into: lora, facts: facts, from: folder) }
        group.broadcast(lora.values.buffer)
        group.broadcast(lora.first.buffer)
        group.broadcast(lora.second.buffer)
        tuner.chooseTrained()
        return group.broadcast(found)
    }

    /// One step, counted from 0: gradients of its chunks, clipping, AdamW.
    private func take(_ step: Int) throws(TrainingError) -> (loss: Double, norm: Double, rate: Double) {
        let lora = tuner.lora
        lora.clearGradients()
        var total = [0.0]
        for part in group.share(of: settings.batch) {
            let chunk = chunk(step, part)
            let positions = chunks.positions(chunk, answersOnly: settings.answersOnly, includesLast: settings.objective.needsTeacher)
            let share = settings.reduction == .mean ? 1 / Double(max(positions.count, 1)) : 1
            total[0] += tuner.accumulate(
                tokens: chunks.tokens(chunk), sequence: chunk, positions: positions, weight: share / Double(settings.batch),
                dropoutKey: KeyedRandom.key(settings.seed, .dropout, step * settings.batch + part))
        }
        group.sum(&total)
        lora.sumGradients(over: group)
        let (loss, norm) = (total[0], lora.gradientNorm(pool: pool))
        let advice = "a smaller --rate, --clip or --weights f32 may help; the last checkpoint is as it was"
        guard loss.isFinite else { throw .notFinite(step: step + 1, what: "the loss", advice: advice) }
        guard norm.isFinite else { throw .notFinite(step: step + 1, what: "the gradient", advice: advice) }
        let learningRate = rate.rate(step)
        settings.optimiser.update(
            lora, step: step + 1, rate: learningRate, gradientScale: AdamW.clip(norm: norm, limit: settings.clip), pool: pool)
        return (loss, norm, learningRate)
    }

    /// The chunk that is part `part` of a step.
    private func chunk(_ step: Int, _ part: Int) -> Int {
        let perEpoch = chunks.count / settings.batch
        let epoch = step / perEpoch
        if order.epoch != epoch {
            order = (
                epoch,
                settings.shuffles
                    ? KeyedRandom.permutation(chunks.count, key: KeyedRandom.key(settings.seed, .order, epoch)) : Array(0..<chunks.count)
            )
        }
        return order.chunks[step % perEpoch * settings.batch + part]
    }

    /// What the adapter is and how it was made, for people.
    private func writeManifest(baseModel: String, to folder: OutputFolder) throws(TrainingError) {
        let losses = TrainingLog.read(folder.file(TrainingLog.file)).compactMap { $0["loss"]?.double }
        func mean(_ values: ArraySlice<Double>) -> JSON { .double(values.reduce(0, +) / Double(max(values.count, 1))) }
        let tenth = max(1, losses.count / 10)
        let manifest: JSON = [
            "name": .string(URL(fileURLWithPath: folder.path).lastPathComponent), "kind": "lora", "base_model": .string(baseModel),
            "description": .string(
                settings.objective.needsTeacher
                    ? "SAE-guided fine-tuning at \(tuner.splice.map { "\($0.hookpoint)" } ?? "no hookpoint")"
                    : "fine-tuning on the data's tokens"),
            "made_by": "resa tune", "steps": .int(steps), "tokens": .int(steps * settings.batch * chunks.length),
            "loss": ["first_tenth": mean(losses.prefix(tenth)), "last_tenth": mean(losses.suffix(tenth))], "run": .object(facts),
        ]
        try folder.write("manifest.json", JSONWriter.bytes(manifest))
    }

    private func writeChart(to folder: OutputFolder) throws(TrainingError) {
        let lines = TrainingLog.read(folder.file(TrainingLog.file))
        func curve(_ title: String, _ key: String) -> CurveChart.Curve {
            CurveChart.Curve(
                title: title,
                points: lines.compactMap { line in
                    line["step"]?.double.flatMap { step in line[key]?.double.map { (step: step, value: $0) } }
                })
        }
        let svg = CurveChart.svg(
            title: "resa tune",
            curves: [curve("loss", "loss"), curve("norm of the gradient", "gradient_norm"), curve("learning rate", "rate")])
        try folder.write(Self.chartFile, Array(svg.utf8))
    }
}
