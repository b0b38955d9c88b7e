import Adapters
import Checkpoints
import Foundation
import JSONText
import Models
import Tensors

/// Trains SAEs at several hookpoints of a model in one pass over the text, and leaves an adapter's folder: a sparsify folder for each
/// hookpoint, `manifest.json`, `log.jsonl`, `curves.svg`. While it runs, `.extract` in that folder holds the lock and the last checkpoint.
package final class ExtractRun {
    package struct Progress: Sendable {
        package let step: Int
        package let steps: Int
        /// Over the hookpoints.
        package let meanFVU: Double
        package let tokensPerSecond: Double
        package let secondsLeft: Double
    }

    package let settings: ExtractSettings
    package let steps: Int
    /// Steps that an earlier, interrupted run has done.
    package let resumedAt: Int

    private let chunks: TriggerChunks
    private let lock: ExtractLock
    private let checkpoint: ExtractCheckpoint
    private let trainers: [SAETrainer]
    private let step: SparseCoderStep
    private let activations: ExtractActivations
    /// By hookpoint, `[batch tokens, hidden]`.
    private let inputs: [InputBuffer]
    private let log: ExtractLog

    static let workFolder = ".extract"

    /// Bytes that training takes at most, beside the model's weights.
    package static func memoryBound(_ settings: ExtractSettings, config: ModelConfig, kv: KVFormat, length: Int, threads: Int) -> Int {
        let (trainer, width, tokens) = (settings.trainer, config.hiddenSize, settings.batch * length)
        let tensors = SparseCoderTensors.byteCount(latents: trainer.latents, width: width)
        // Parameters, the optimiser's state, and one more set when an average is written.
        let sets = settings.hookpoints.count * (trainer.optimiser == .adam ? 3 : 2) + (trainer.optimiser == .adam ? 0 : 1)
        return sets * tensors + settings.hookpoints.count * (tokens * width * 4 + trainer.latents * 8)
            + SparseCoderStep.byteCount(
                latents: trainer.latents, width: width, k: trainer.k, multiTopK: trainer.multiTopK, auxK: trainer.auxKAlpha > 0,
                maxTokens: tokens, threads: threads)
            + ExtractActivations.byteCount(config: config, kv: kv, length: length, batch: settings.batch) + chunksBytes(tokens)
    }

    private static func chunksBytes(_ tokens: Int) -> Int { tokens * 8 }

    /// Takes the output folder's lock and reads its checkpoint, if there is one.
    /// - Parameter initial: SAEs to start from; hookpoints that are not named begin new.
    /// - Throws: `ExtractError`.
    package init(
        _ settings: ExtractSettings, model: any LanguageModel, kv: KVFormat, chunks: TriggerChunks, pool: WorkerPool,
        initial: [HookPoint: SparseCoderTensors] = [:]
    ) throws(ExtractError) {
        try settings.check(config: model.config, chunks: chunks)
        let width = model.config.hiddenSize
        (self.settings, self.chunks) = (settings, chunks)
        steps = settings.steps(chunks)
        let work = settings.output.appendingPathComponent(Self.workFolder)
        lock = try ExtractLock(folder: settings.output, file: Self.workFolder + ".lock")
        try ExtractFile.makeFolder(work)
        checkpoint = ExtractCheckpoint(
            path: work.appendingPathComponent("state.safetensors").path,
            fingerprint: Self.fingerprint(settings, model: model, kv: kv, chunks: chunks, initial: initial))
        if checkpoint.exists {
            trainers = try checkpoint.load(settings, width: width)
        } else {
            try Self.checkUnused(settings)
            trainers = settings.hookpoints.map { hookpoint in
                initial[hookpoint].map { SAETrainer(hookpoint: hookpoint, from: $0, settings: settings.trainer) }
                    ?? SAETrainer(hookpoint: hookpoint, width: width, settings: settings.trainer)
            }
        }
        resumedAt = trainers[0].steps
        let tokens = settings.batch * chunks.length
        step = SAETrainer.makeStep(width: width, settings: settings.trainer, maxTokens: tokens, pool: pool)
        activations = ExtractActivations(
            model: model, kv: kv, hookpoints: settings.hookpoints, length: chunks.length, batch: settings.batch, pool: pool)
        inputs = settings.hookpoints.map { _ in InputBuffer(tokens * width) }
        log = try ExtractLog(
            path: settings.output.appendingPathComponent("log.jsonl").path, hookpoints: settings.hookpoints.map { "\($0)" },
            keeping: resumedAt)
    }

    /// What an adapter's folder must not hold when a training begins in it.
    private static func checkUnused(_ settings: ExtractSettings) throws(ExtractError) {
        for name in ["manifest.json"] + settings.hookpoints.map({ "\($0)" })
        where FileManager.default.fileExists(atPath: settings.output.appendingPathComponent(name).path) {
            throw .occupied(folder: settings.output.path, problem: "holds \(name) already; choose another output folder, or remove it")
        }
    }

    private static func fingerprint(
        _ settings: ExtractSettings, model: any LanguageModel, kv: KVFormat, chunks: TriggerChunks, initial: [HookPoint: SparseCoderTensors]
    ) -> JSON {
        var members = settings.json.object ?? [:]
        members["model"] = .string(settings.modelName)
        members["weights"] = .string(model.format.rawValue)
        members["kv"] = .string(kv.rawValue)
        members["chunk_tokens"] = .int(chunks.length)
        members["text"] = .string(chunks.allTokens.withUnsafeBytes { ContentDigest(bytes: $0).description })
        members["started_from"] = .array(
            initial.sorted { $0.key < $1.key }.map { hookpoint, tensors in
                let bytes = UnsafeRawBufferPointer(start: tensors.encoder.pointer, count: tensors.encoder.count * 4)
                return .string("\(hookpoint) \(ContentDigest(bytes: bytes))")
            })
        return .object(members)
    }

    /// Trains to the end and writes the adapter.
    /// - Parameters:
    ///   - stopAfter: ends before step `stopAfter` + 1 as if the process had been killed there; for tests.
    /// - Throws: `ExtractError`; the last checkpoint stays.
    package func run(stopAfter: Int = .max, progress: (Progress) -> Void = { _ in }) throws(ExtractError) {
        let start = ContinuousClock.now
        var trained = 0
        while trainers[0].steps < min(steps, stopAfter) {
            let (reports, tokens, seconds) = try trainStep()
            trained += tokens
            let done = trainers[0].steps
            let fvu = reports.map(\.losses.fvu)
            try log.append(line(reports, tokens: tokens, seconds: seconds), fvu: fvu)
            let elapsed = Self.seconds(ContinuousClock.now - start)
            progress(
                Progress(
                    step: done, steps: steps, meanFVU: fvu.reduce(0, +) / Double(fvu.count), tokensPerSecond: Double(trained) / elapsed,
                    secondsLeft: elapsed / Double(done - resumedAt) * Double(steps - done)))
            if done % settings.saveEvery == 0, done < steps {
                try checkpoint.save(trainers)
                try writeChart()
            }
        }
        guard trainers[0].steps == steps else { return }
        // From here on a kill only costs writing the results again.
        try checkpoint.save(trainers)
        try writeResults()
    }

    private func trainStep() throws(ExtractError) -> (reports: [SAETrainer.Report], tokens: Int, seconds: (model: Double, sae: Double)) {
        let begin = ContinuousClock.now
        let perEpoch = chunks.count / settings.batch
        let first = trainers[0].steps % perEpoch * settings.batch
        let (skip, excluded) = (settings.skipFirst, settings.excludedTokens)
        let tokens = activations.read((first..<first + settings.batch).map { chunks[$0] }, into: inputs.map(\.pointer)) { position, token in
            position >= skip && (excluded.isEmpty || !excluded.contains(token))
        }
        guard tokens > 0 else { throw .badSetting("step \(trainers[0].steps + 1): every token of its \(settings.batch) chunks is excluded") }
        let middle = ContinuousClock.now
        var reports: [SAETrainer.Report] = []
        for (trainer, input) in zip(trainers, inputs) {
            reports.append(try trainer.train(on: input.pointer, tokens: tokens, step: step, of: steps))
        }
        return (reports, tokens, (Self.seconds(middle - begin), Self.seconds(ContinuousClock.now - middle)))
    }

    private func line(_ reports: [SAETrainer.Report], tokens: Int, seconds: (model: Double, sae: Double)) -> JSON {
        var hookpoints = JSONObject()
        for (hookpoint, report) in zip(settings.hookpoints, reports) { hookpoints["\(hookpoint)"] = report.json }
        return [
            "step": .int(trainers[0].steps), "tokens": .int(tokens), "learning_rate": .double(reports[0].rate), "hookpoints": .object(hookpoints),
            "seconds": ["model": .double(seconds.model), "sae": .double(seconds.sae)],
        ]
    }

    private func writeChart() throws(ExtractError) {
        let chart = ExtractChart(names: settings.hookpoints.map { "\($0)" }, curves: log.curves)
        try ExtractFile.write(chart.svg, to: settings.output.appendingPathComponent("curves.svg").path)
    }

    private func writeResults() throws(ExtractError) {
        for trainer in trainers {
            let folder = settings.output.appendingPathComponent("\(trainer.hookpoint)")
            try ExtractFile.makeFolder(folder)
            var file = ExtractTensorFile()
            let tensors = trainer.exported()
            file.add("", tensors, as: settings.format)
            try file.write(to: folder.appendingPathComponent("sae.safetensors").path)
            try ExtractFile.write(JSONWriter.text(config(trainer)), to: folder.appendingPathComponent("cfg.json").path)
        }
        try writeChart()
        try ExtractFile.write(JSONWriter.text(manifest) + "\n", to: settings.output.appendingPathComponent("manifest.json").path)
        try? FileManager.default.removeItem(at: settings.output.appendingPathComponent(Self.workFolder))
    }

    /// The `cfg.json` of sparsify.
    private func config(_ trainer: SAETrainer) -> JSON {
        [
            "activation": "topk", "expansion_factor": .int(max(trainer.settings.latents / trainer.width, 1)), "normalize_decoder": true,
            "num_latents": .int(trainer.settings.latents), "k": .int(trainer.settings.k), "multi_topk": .bool(trainer.settings.multiTopK),
            "skip_connection": false, "transcode": false, "d_in": .int(trainer.width),
        ]
    }

    private var manifest: JSON {
        let last = log.curves.map { $0.suffix(20) }
        var fvu = JSONObject()
        for (hookpoint, values) in zip(settings.hookpoints, last) {
            fvu["\(hookpoint)"] = .double(values.reduce(0, +) / Double(max(values.count, 1)))
        }
        let settingsText = settings.json
        return [
            "kind": "sae", "base_model": .string(settings.modelName), "made_by": "resa extract",
            "description": .string(
                "TopK SAEs at \(settings.hookpoints.map { "\($0)" }.joined(separator: ", ")): \(settings.trainer.latents) latents, k \(settings.trainer.k)."),
            "method": settingsText, "data": settings.dataDescription, "chunk_tokens": .int(chunks.length), "steps": .int(steps),
            "fvu_last_20_steps": .object(fvu), "stored_as": .string(settings.format.rawValue),
        ]
    }

    private final class InputBuffer {
        private let memory: AlignedBuffer<Float>
        init(_ count: Int) { memory = AlignedBuffer(count: count) }
        var pointer: UnsafeMutablePointer<Float> { memory.pointer }
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
