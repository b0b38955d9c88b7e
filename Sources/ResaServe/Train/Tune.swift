import Adapters
import ArgumentParser
import Foundation
import Models
import Processes
import Tensors
import Terminal
import Texts
import Training
import Workbench

/// `resa tune`: makes a LoRA, by SAE-guided fine-tuning or by plain cross-entropy.
struct Tune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a LoRA: SAE-guided fine-tuning, or plain cross-entropy.",
        discussion: """
            Puts the frozen SAE into the model and trains a LoRA so that the model with both predicts what it predicts without either \
            (--objective kl), or trains one to predict the data's own tokens (--objective sft, without an SAE). Writes a PEFT folder with the \
            log and its curves. A run that was killed goes on with --resume to the same bits; after Ctrl-C or SIGTERM it ends with the step it \
            is at, and keeps that. Processes that Open MPI's mpirun starts share the chunks of each step. docs/training.md tells more.
            """)

    @OptionGroup var source: ModelOptions
    @OptionGroup(title: "Data") var data: TriggerOptions
    @OptionGroup(title: "Method") var method: TuneMethodOptions
    @OptionGroup(title: "Optimiser") var optimiser: TuneOptimiserOptions

    @Option(help: ArgumentHelp("Where the adapter goes.", valueName: "folder"))
    var out: String

    @Flag(help: "Go on with the run in the output folder.")
    var resume = false

    @Option(help: "Steps between checkpoints.")
    var saveEvery = 50

    @Flag(name: .customLong("bf16-adapter"), help: "Store the adapter in bf16 instead of f32.")
    var storesBF16 = false

    @Option(
        help: ArgumentHelp(
            "Products with frozen weights: f32 (exact) or bf16 (faster with AVX-512 BF16; twice the memory).", valueName: "precision"))
    var weights = TrainingPrecision.f32

    @Option(help: "Threads that compute. (default: one per processor)")
    var threads: Int?

    @Option(help: ArgumentHelp("Memory for activations that are kept instead of computed twice, in MiB.", valueName: "MiB"))
    var activationMemory = 4096

    @Option(help: ArgumentHelp("Memory for states of frozen layers kept between epochs, in MiB.", valueName: "MiB"))
    var cacheMemory = 2048

    func validate() throws {
        try data.refuseIdleSystemPrompt()
        try CompanionOptions.check(
            method.sae != nil && method.saeGrad == .cut, "an --sae with --sae-grad cut", [("--cache-memory", cacheMemory != 2048)])
        try Limits.check([
            ("--save-every", saveEvery, 1...1_000_000_000), ("--activation-memory", activationMemory, 0...(1 << 24)),
            ("--cache-memory", cacheMemory, 0...(1 << 24)), ("--threads", threads, 1...1024),
        ])
    }

    func run() throws {
        try ProcessRun.run(Self.self, run)
    }

    private func run(_ group: ProcessGroup) throws {
        let folder = group.leads ? try OutputFolder(out) : nil
        let found = try TrainingFolder(folder, at: out, of: TuneStep.self, resumes: resume, group: group)
        if case .finished = found { return Console.note("resa: the run in \(out) is finished\n") }
        let settings = try settings()
        try group.requireShare(ofBatch: settings.batch)
        let pool = group.makePool(threads: threads)
        let bench = try Workbench(model: source.model, pool: pool, watcher: TerminalWatcher())
        let bundle = bench.bundle
        let chunks = try bench.chunks(try data.triggerData())
        let layout = try method.sae.map {
            try SAEFolder($0, hookpoint: try method.hookpointValue(), shape: bundle.config.shape).layout
        }
        // The exact rows are needed where a gradient goes through the SAE.
        let saeFormat: FloatFormat = weights == .bf16 && method.saeGrad == .cut ? .bf16 : .f32
        let memory = try TuneMemory(
            weights: bundle.weights, precision: weights, sae: layout, saeFormat: saeFormat, gradient: method.saeGrad, settings: settings,
            chunks: chunks, traceBytes: activationMemory << 20, cacheBytes: cacheMemory << 20)
        describe(bundle, settings, chunks, layout, memory)

        let decoder = try bench.watcher.watch("resa: loading \(bundle.name)") { report in
            try FrozenDecoder(checkpoint: bundle.checkpoint, config: bundle.config, precision: weights, pool: pool, progress: report)
        }
        let splice = try layout.map { layout in
            let sae = try layout.load(digest: "", format: saeFormat, pool: pool)
            let splice = try SAESplice(sae, gradient: method.saeGrad, rows: chunks.length, shuffleSeed: method.shuffleSae)
            return (hookpoint: layout.hookpoint, sae: splice)
        }
        let tuner = try FineTuner(
            decoder: decoder, settings: settings, start: method.initial, splice: splice, length: chunks.length,
            traceBytes: activationMemory << 20, cacheBytes: cacheMemory << 20, pool: pool)
        let step = try TuneStep(
            settings: settings, tuner: tuner, chunks: chunks,
            inputs: TuneStep.inputs(decoder, chunks, splice, gradient: method.saeGrad, shuffle: method.shuffleSae, start: method.initial),
            result: LoRAResult(name: URL(fileURLWithPath: out).lastPathComponent, baseModel: bundle.name, asBF16: storesBF16), pool: pool,
            group: group)
        let run = try TrainingRun(step, folder: folder, pool: pool, group: group)
        let display = StepDisplay("resa: tuning \(bundle.name)")
        StopSignals.listen()
        let end = try run.run(resumes: found == .underway, saveEvery: saveEvery, shouldStop: { StopSignals.isHeard }) {
            display.report($0)
        }
        display.finish()
        if case .stopped(let step) = end { throw StopSignals.exitCode(of: out, afterStep: step, of: run.steps, group: group) }
        Console.printLine("\(out): \(tuner.lora.trainedCount) parameters trained in \(run.steps) steps")
    }

    private func settings() throws -> TuneSettings {
        var settings = TuneSettings()
        settings.objective = method.objectiveValue
        settings.reduction = method.reduction ?? (method.objective == .sft ? .mean : .sum)
        settings.answersOnly = method.lossTokens == .answer
        (settings.rank, settings.alpha, settings.dropout) = (method.rank, method.alpha, method.dropout)
        settings.modules = try method.moduleList()
        settings.optimiser = AdamW(
            beta1: optimiser.beta1, beta2: optimiser.beta2, epsilon: optimiser.epsilon, weightDecay: optimiser.weightDecay)
        (settings.rate, settings.schedule, settings.warmup) = (optimiser.rate, optimiser.schedule, optimiser.warmup)
        settings.clip = optimiser.clip > 0 ? optimiser.clip : nil
        (settings.epochs, settings.maximumSteps, settings.batch) = (optimiser.epochs, optimiser.maxSteps, optimiser.batch)
        (settings.shuffles, settings.seed) = (!optimiser.keepOrder, optimiser.seed)
        return settings
    }

    private func describe(
        _ bundle: ModelBundle, _ settings: TuneSettings, _ chunks: TokenChunks, _ layout: (any SAELayout)?, _ memory: TuneMemory
    ) {
        let parts = memory.parts.filter { $0.bytes > 0 }.map { "\($0.name) \(Quantity.bytes($0.bytes))" }.joined(separator: ", ")
        let sae = layout.map { ", SAE of \($0.latents) latents at \($0.hookpoint), gradient \(method.saeGrad.rawValue)" } ?? ""
        for line in [
            "\(bundle.name)\(sae), LoRA of rank \(settings.rank)",
            "\(chunks.count) chunks of \(chunks.length) tokens, \(settings.epochs) epochs; \(chunks.dropped) tokens at the end are left out",
            "takes at most \(Quantity.bytes(memory.total)) of memory (\(parts))",
        ] { Console.note("resa: \(line)\n") }
    }
}

extension TrainingPrecision: ExpressibleByArgument {}
