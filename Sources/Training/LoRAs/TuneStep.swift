import Adapters
import Checkpoints
import JSONText
import Measuring
import Processes
import Tensors
import Texts

/// Trains a LoRA: gradients of a step's chunks, clipping, AdamW; and leaves a PEFT folder.
///
/// Several processes share the chunks of every step and add up their gradients; each then makes the same step of the optimiser.
package final class TuneStep: TrainingStep {
    package static let kind = "tune 1"
    package static let maker = "resa tune"
    package static let chartFile = "loss.svg"

    package let settings: TuneSettings
    package let order: ChunkOrder
    package let facts: JSONObject
    private let tuner: FineTuner
    private let result: LoRAResult
    private let chunks: TokenChunks
    private let group: ProcessGroup
    private let pool: WorkerPool
    private let rate: LearningRate

    /// - Parameter inputs: names and digests of what goes in, by which a checkpoint of another run is told.
    /// - Throws: `.badSetting` when the data is too short for one step, no gradient reaches any projection, or one has no tensor of its own.
    package init(
        settings: TuneSettings, tuner: FineTuner, chunks: TokenChunks, inputs: JSONObject, result: LoRAResult, pool: WorkerPool,
        group: ProcessGroup = ProcessGroup()
    ) throws(TrainingError) {
        guard tuner.lora.trainedCount > 0 else {
            throw .badSetting(
                name: "--hookpoint", problem: "leaves nothing to train: with --sae-grad cut only layers above it do, and --modules of them")
        }
        if let module = tuner.lora.entries.map(\.module).first(where: { !tuner.lora.hasTensor($0) }) {
            throw .badSetting(
                name: "--modules",
                problem: "has \(module.rawValue), which shares a tensor with others in this architecture: LoRAs of such are not written yet"
            )
        }
        guard chunks.count >= settings.batch else {
            throw .badSetting(
                name: "--batch", problem: "is \(settings.batch), but the data has only \(chunks.count) chunks of \(chunks.length) tokens")
        }
        (self.settings, self.tuner, self.chunks, self.result) = (settings, tuner, chunks, result)
        (self.pool, self.group) = (pool, group)
        order = ChunkOrder(
            count: chunks.count, batch: settings.batch, epochs: settings.epochs, maximumSteps: settings.maximumSteps,
            seed: settings.shuffles ? settings.seed : nil)
        rate = LearningRate(peak: settings.rate, schedule: settings.schedule, warmup: settings.warmup, steps: order.steps)
        var facts = settings.facts()
        facts["length"] = .int(chunks.length)
        facts["parameters"] = .int(tuner.lora.count)
        for (key, value) in inputs { facts[key] = value }
        self.facts = facts
    }

    package var results: [String] { LoRAParameters.adapterFiles }

    package var state: [StateTensor] {
        let lora = tuner.lora
        return [("values", lora.values.pointer), ("first_moment", lora.first.pointer), ("second_moment", lora.second.pointer)].map {
            StateTensor(name: $0, shape: [lora.count], values: .f32($1))
        }
    }

    package func begin(after steps: Int) { tuner.chooseTrained() }

    package func take(_ number: Int, _ chunks: [(part: Int, chunk: Int)]) throws(TrainingError) -> StepReport {
        let began = ContinuousClock.now
        let lora = tuner.lora
        lora.clearGradients()
        var total = [0.0]
        for (part, chunk) in chunks { total[0] += accumulate(chunk, part: part, of: number) }
        group.sum(&total)
        lora.sumGradients(over: group)
        let (loss, norm) = (total[0], lora.gradientNorm(pool: pool))
        let advice = "a smaller --rate, --clip or --weights f32 may help; the last checkpoint is as it was"
        guard loss.isFinite else { throw .notFinite(step: number + 1, what: "the loss", advice: advice) }
        guard norm.isFinite else { throw .notFinite(step: number + 1, what: "the gradient", advice: advice) }
        let rate = rate.rate(number)
        settings.optimiser.update(
            lora, step: number + 1, rate: rate, gradientScale: AdamW.clip(norm: norm, limit: settings.clip), pool: pool)
        let tokens = settings.batch * self.chunks.length
        return StepReport(
            loss: loss, tokens: tokens,
            line: [
                "loss": .double(loss), "rate": .double(rate), "gradient_norm": .double(norm), "tokens": .int((number + 1) * tokens),
                "tokens_per_second": .double(Double(tokens) / max((ContinuousClock.now - began).seconds, 1e-9)),
            ])
    }

    /// Adds a chunk's gradients.
    /// - Returns: its part of the step's loss.
    private func accumulate(_ chunk: Int, part: Int, of number: Int) -> Double {
        let positions = chunks.positions(chunk, answersOnly: settings.answersOnly, includesLast: settings.objective.needsTeacher)
        let share = settings.reduction == .mean ? 1 / Double(max(positions.count, 1)) : 1
        return tuner.accumulate(
            tokens: chunks.tokens(chunk), sequence: chunk, positions: positions, weight: share / Double(settings.batch),
            dropoutKey: KeyedRandom.key(settings.seed, .dropout, number * settings.batch + part))
    }

    package func write(to folder: OutputFolder) throws(TrainingError) {
        try tuner.lora.write(to: folder, dropout: settings.dropout, baseModel: result.baseModel, asBF16: result.asBF16)
    }

    package func curves(_ log: [JSON]) -> [CurveChart.Curve] {
        [("loss", "loss"), ("norm of the gradient", "gradient_norm"), ("learning rate", "rate")].map { title, key in
            CurveChart.Curve(title: title, log: log) { $0[key]?.double }
        }
    }

    package func manifest(_ log: [JSON]) -> JSONObject {
        let losses = log.compactMap { $0["loss"]?.double }
        func mean(_ values: ArraySlice<Double>) -> JSON { .double(values.reduce(0, +) / Double(max(values.count, 1))) }
        let tenth = max(1, losses.count / 10)
        let description =
            settings.objective.needsTeacher
            ? "SAE-guided fine-tuning at \(tuner.splice.map { "\($0.hookpoint)" } ?? "no hookpoint")" : "fine-tuning on the data's tokens"
        return [
            "name": .string(result.name), "kind": "lora", "base_model": .string(result.baseModel),
            "description": .string(description), "steps": .int(order.steps),
            "tokens": .int(order.steps * settings.batch * chunks.length),
            "loss": ["first_tenth": mean(losses.prefix(tenth)), "last_tenth": mean(losses.suffix(tenth))], "run": .object(facts),
        ]
    }
}

/// How a tuned LoRA is stored.
package struct LoRAResult: Sendable {
    /// Recorded for people, as the base model's is.
    package var name: String
    package var baseModel: String
    package var asBF16: Bool

    package init(name: String, baseModel: String, asBF16: Bool = false) {
        (self.name, self.baseModel, self.asBF16) = (name, baseModel, asBF16)
    }
}

extension TuneStep {
    /// What goes into a run, so that a checkpoint of another one is told apart.
    /// - Parameters:
    ///   - shuffle: seed of a control's shuffled SAE.
    ///   - start: the adapter's folder that training starts from.
    package static func inputs(
        _ decoder: FrozenDecoder, _ chunks: TokenChunks, _ splice: (hookpoint: HookPoint, sae: SAESplice)?, gradient: SAEGradient,
        shuffle: UInt64?, start: String?
    ) -> JSONObject {
        [
            "model": .string(decoder.digest), "precision": .string(decoder.precision.rawValue),
            "data": .string(chunks.withBytes { ContentDigest(bytes: $0).description }),
            "hookpoint": .optional(splice?.hookpoint.description), "sae": .optional(splice?.sae.digest),
            "sae_gradient": .string(gradient.rawValue), "sae_shuffle": shuffle.map { JSON.string(String($0)) } ?? .null,
            "start": .optional(start),
        ]
    }
}
