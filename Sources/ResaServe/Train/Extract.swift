import ArgumentParser
import Checkpoints
import Foundation
import Models
import Processes
import Tensors
import Terminal
import Texts
import Training
import Workbench

/// `resa extract`: trains SAEs on a model's activations.
struct Extract: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train SAEs on a model's activations.",
        discussion: """
            Reads trigger data with the model and trains a TopK SAE at every hookpoint, all in one pass. Writes an adapter's folder: a sparsify \
            folder for each hookpoint, manifest, log and curves. A run that was killed goes on with --resume to the same bits; after Ctrl-C or \
            SIGTERM it ends with the step it is at, and keeps that. Processes that Open MPI's mpirun starts share the chunks of each step. \
            docs/training.md tells more.
            """)

    @OptionGroup var source: ModelOptions
    @OptionGroup(title: "Data") var data: TriggerOptions
    @OptionGroup(title: "SAE") var sae: ExtractSAEOptions
    @OptionGroup(title: "Optimiser") var optimiser: ExtractOptimiserOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    @Option(help: ArgumentHelp("Where the SAEs go.", valueName: "folder"))
    var out: String

    @Flag(help: "Go on with the run in the output folder.")
    var resume = false

    @Option(help: "Steps between checkpoints.")
    var saveEvery = 100

    @Flag(name: .customLong("bf16-sae"), help: "Store the SAEs in bf16 instead of f32.")
    var storesBF16 = false

    func validate() throws {
        try Limits.check([("--save-every", saveEvery, 1...1_000_000_000)])
        try compute.refuseAdapterWeights()
        if ActivationSource.prefersFrozen(compute.weights, kv: compute.settings.kvFormat) { try compute.refusePackedCache() }
        try CompanionOptions.check(
            sae.initial == nil || optimiser.shuffle, "SAEs that start anew, or --shuffle", [("--seed", optimiser.seed != 0)])
        try data.refuseIdleSystemPrompt()
    }

    func run() throws {
        try ProcessRun.run(Self.self, run)
    }

    private func run(_ group: ProcessGroup) throws {
        let folder = group.leads ? try OutputFolder(out) : nil
        let found = try TrainingFolder(folder, at: out, of: ExtractStep.self, resumes: resume, group: group)
        if case .finished = found { return Console.note("resa: the run in \(out) is finished\n") }
        let pool = group.makePool(threads: compute.threads)
        let bench = try Workbench(model: source.model, compute.settings, pool: pool, watcher: TerminalWatcher())
        let bundle = bench.bundle
        let chunks = try bench.chunks(try data.triggerData())
        let start = try sae.start(for: bundle.config)
        let settings = try settings(start)
        try settings.check(config: bundle.config, chunks: chunks, group: group)
        let memory = try ExtractMemory(
            settings: settings, weights: bundle.weights, format: bench.settings.weights, kv: bench.settings.kvFormat, chunks: chunks,
            threads: pool.threads)
        describe(bundle, settings, chunks, memory)
        guard memory.total * group.countHere <= MachineProbe.memoryTotal else {
            let processes = group.countHere > 1 ? " for \(group.countHere) such processes" : ""
            throw CommandError(
                "this machine has \(Quantity.bytes(MachineProbe.memoryTotal)) of memory\(processes); "
                    + "take fewer latents, hookpoints or tokens in a batch")
        }
        let step = try ExtractStep(
            settings: settings, source: try load(bench, settings), chunks: chunks,
            inputs: [
                "model": .string(try ContentDigest(of: bundle.checkpoint.tensors.files, pool: pool).description),
                "text": .string(chunks.withBytes { ContentDigest(bytes: $0).description }),
            ], initial: start.tensors,
            result: SAEResult(
                baseModel: bundle.name, data: URL(fileURLWithPath: data.data).lastPathComponent, format: storesBF16 ? .bf16 : .f32),
            pool: pool, group: group)
        let run = try TrainingRun(step, folder: folder, pool: pool, group: group)
        let display = StepDisplay("resa: extracting from \(bundle.name)")
        StopSignals.listen()
        let end = try run.run(resumes: found == .underway, saveEvery: saveEvery, shouldStop: { StopSignals.isHeard }) {
            display.report($0)
        }
        display.finish()
        if case .stopped(let step) = end { throw StopSignals.exitCode(of: out, afterStep: step, of: run.steps, group: group) }
        Console.printLine("\(out): \(settings.hookpoints.map { "\($0)" }.joined(separator: ", ")) trained in \(run.steps) steps")
    }

    private func load(_ bench: Workbench, _ settings: ExtractSettings) throws -> ActivationSource {
        guard ActivationSource.isFrozen(bench.bundle.config, bench.settings.weights, kv: bench.settings.kvFormat) else {
            return .served(try bench.model(), kv: bench.settings.kvFormat)
        }
        let bundle = bench.bundle
        return .frozen(
            try bench.watcher.watch("resa: loading \(bundle.name)") { report in
                try FrozenDecoder(
                    checkpoint: bundle.checkpoint, config: bundle.config, precision: .f32, layerCount: settings.layerCount,
                    pool: bench.pool, progress: report)
            })
    }

    private func settings(_ start: SparseCoderStart) throws -> ExtractSettings {
        var trainer = SAETrainerSettings(latents: start.latents)
        (trainer.k, trainer.multiTopK, trainer.auxKAlpha, trainer.deadTokens) = (start.k, sae.multiTopk, sae.auxk, sae.deadTokens)
        (trainer.optimiser, trainer.rate, trainer.warmUp) = (optimiser.optimiser, optimiser.rate, optimiser.warmup)
        (trainer.momentum, trainer.seed) = (optimiser.momentum, optimiser.seed)
        var settings = ExtractSettings(hookpoints: try sae.hookpointList(), trainer: trainer)
        (settings.batch, settings.epochs, settings.maximumSteps) = (optimiser.batch, optimiser.epochs, optimiser.maxSteps)
        (settings.shuffles, settings.skipFirst) = (optimiser.shuffle, sae.skipFirst)
        settings.excludedTokens = Set(sae.excludeToken)
        return settings
    }

    private func describe(_ bundle: ModelBundle, _ settings: ExtractSettings, _ chunks: TokenChunks, _ memory: ExtractMemory) {
        let parts = memory.parts.filter { $0.bytes > 0 }.map { "\($0.name) \(Quantity.bytes($0.bytes))" }.joined(separator: ", ")
        let places = settings.hookpoints.map { "\($0)" }.joined(separator: ", ")
        for line in [
            "\(bundle.name), \(settings.trainer.latents) latents, k \(settings.trainer.k), at \(places)",
            "\(chunks.count) chunks of \(chunks.length) tokens, \(settings.order(chunks).steps) steps of \(settings.batch * chunks.length) tokens",
            "takes at most \(Quantity.bytes(memory.total)) of memory (\(parts))",
        ] { Console.note("resa: \(line)\n") }
    }
}
