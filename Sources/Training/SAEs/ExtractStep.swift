import Adapters
import JSONText
import Processes
import Tensors
import Texts

/// Trains SAEs at several hookpoints in one pass of a model over the text, and leaves an adapter's folder: a sparsify folder for each hookpoint.
///
/// Several processes share the chunks of every step: each runs the model and the SAEs' forward pass on its own (`SparseCoderStep`).
package final class ExtractStep: TrainingStep {
    package static let kind = "extract 1"
    package static let maker = "resa extract"
    package static let chartFile = "fvu.svg"

    package let settings: ExtractSettings
    package let order: ChunkOrder
    package let facts: JSONObject
    private let result: SAEResult
    private let chunks: TokenChunks
    private let group: ProcessGroup
    private let trainers: [SAETrainer]
    private let step: SparseCoderStep
    private let activations: any ActivationReader
    /// By hookpoint, `[tokens of this process, hidden]`.
    private let inputs: [InputBuffer]

    /// - Parameters:
    ///   - inputs: names and digests of what goes in, by which a checkpoint of another run is told.
    ///   - initial: SAEs to start from, of the settings' latents; hookpoints that are not named begin new.
    /// - Throws: `TrainingError.badSetting`.
    package init(
        settings: ExtractSettings, source: ActivationSource, chunks: TokenChunks, inputs: JSONObject,
        initial: [HookPoint: SparseCoderTensors] = [:], result: SAEResult, pool: WorkerPool, group: ProcessGroup = ProcessGroup()
    ) throws(TrainingError) {
        try settings.check(config: source.config, chunks: chunks, group: group)
        (self.settings, self.result, self.chunks, self.group) = (settings, result, chunks, group)
        order = settings.order(chunks)
        var facts = settings.facts()
        facts["length"] = .int(chunks.length)
        for (key, value) in source.facts { facts[key] = value }
        for (key, value) in inputs { facts[key] = value }
        for (hookpoint, tensors) in initial.sorted(by: { $0.key < $1.key }) {
            facts["start at \(hookpoint)"] = .string(tensors.digest)
        }
        self.facts = facts
        let width = source.config.hiddenSize
        trainers = settings.hookpoints.map { hookpoint in
            initial[hookpoint].map { SAETrainer(hookpoint: hookpoint, from: $0, settings: settings.trainer) }
                ?? SAETrainer(hookpoint: hookpoint, width: width, settings: settings.trainer)
        }
        step = SAETrainer.makeStep(
            width: width, settings: settings.trainer, maxTokens: settings.batch * chunks.length, pool: pool, group: group)
        let share = group.share(of: settings.batch).count
        activations = source.reader(settings.hookpoints, length: chunks.length, batch: share, pool: pool)
        self.inputs = settings.hookpoints.map { _ in InputBuffer(share * chunks.length * width) }
    }

    package var results: [String] { settings.hookpoints.map { "\($0)" } }

    package var state: [StateTensor] { trainers.flatMap(\.state) }

    package func begin(after steps: Int) {
        for trainer in trainers { trainer.steps = steps }
    }

    /// The model's activations on this process's chunks, and a step of every SAE on all of them.
    package func take(_ number: Int, _ chunks: [(part: Int, chunk: Int)]) throws(TrainingError) -> StepReport {
        let began = ContinuousClock.now
        let (skip, excluded) = (settings.skipFirst, settings.excludedTokens)
        let own = activations.read(chunks.map { self.chunks.tokens($0.chunk) }, into: inputs.map(\.pointer)) { position, token in
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
            let report = try trainer.train(on: input.pointer, tokens: own, step: step, of: order.steps)
            reports.append(report)
            hookpoints["\(trainer.hookpoint)"] = [
                "loss": .double(report.loss), "fvu": .double(report.losses.fvu), "auxk": .double(report.losses.auxK),
                "multi_topk_fvu": .double(report.losses.multiFVU), "dead": .int(report.dead),
            ]
        }
        let end = ContinuousClock.now
        return StepReport(
            loss: reports.reduce(0) { $0 + $1.loss } / Double(reports.count), tokens: tokens,
            line: [
                "tokens": .int(tokens), "rate": .double(reports[0].rate), "hookpoints": .object(hookpoints),
                "model_seconds": .double((read - began).seconds), "sae_seconds": .double((end - read).seconds),
            ])
    }

    package func write(to folder: OutputFolder) throws(TrainingError) {
        for trainer in trainers { try result.write(trainer, to: folder) }
    }

    package func curves(_ log: [JSON]) -> [CurveChart.Curve] {
        settings.hookpoints.map { hookpoint in
            CurveChart.Curve(title: "fraction of variance unexplained at \(hookpoint)", log: log) {
                $0["hookpoints"]?["\(hookpoint)"]?["fvu"]?.double
            }
        }
    }

    package func manifest(_ log: [JSON]) -> JSONObject { result.manifest(self, log) }

    private final class InputBuffer {
        private let memory: AlignedBuffer<Float>
        init(_ count: Int) { memory = AlignedBuffer(count: count) }
        var pointer: UnsafeMutablePointer<Float> { memory.pointer }
    }
}
