import Adapters
import ArgumentParser
import Checkpoints
import Foundation
import JSONText
import Models
import Processes
import Tensors
import Training

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
        try data.refuseIdleSystemPrompt()
    }

    func run() throws {
        try ProcessRun.run(Self.self, run)
    }

    private func run(_ group: ProcessGroup) throws {
        let folder = group.leads ? try OutputFolder(out) : nil
        let isUnderway = folder.map(ExtractRun.isUnderway) ?? false
        if isUnderway, !resume { throw TrainingError.occupied(folder: out) }
        if group.anywhere(folder.map(ExtractRun.isFinished) ?? false) {
            if !resume { throw TrainingError.occupied(folder: out) }
            return Console.note("resa: the run in \(out) is finished\n")
        }
        let pool = group.makePool(threads: compute.threads)
        let bundle = try ModelBundle.open(path: source.model)
        let chunks = try data.chunks(bundle)
        let (settings, initial) = try settings(bundle.config)
        try settings.check(config: bundle.config, chunks: chunks, group: group)
        let memory = ExtractMemory(
            settings: settings, config: bundle.config, weights: try weightBytes(bundle, settings), kv: isFrozen ? nil : compute.kvFormat,
            chunks: chunks, threads: pool.threads)
        describe(bundle, settings, chunks, memory)
        guard memory.total * group.countHere <= MachineProbe.memoryTotal else {
            let processes = group.countHere > 1 ? " for \(group.countHere) such processes" : ""
            throw CommandError(
                "this machine has \(Quantity.bytes(MachineProbe.memoryTotal)) of memory\(processes); "
                    + "take fewer latents, hookpoints or tokens in a batch")
        }
        let run = try ExtractRun(
            settings: settings, source: try load(bundle, settings, pool), chunks: chunks, folder: folder,
            inputs: [
                "model": .string(try ContentDigest(of: bundle.checkpoint.tensors.files, pool: pool).description),
                "text": .string(chunks.withBytes { ContentDigest(bytes: $0).description }),
            ], initial: initial, pool: pool, group: group)
        let display = TrainingDisplay("resa: extracting from \(bundle.name)")
        StopSignals.listen()
        let end = try run.run(
            resumes: isUnderway, saveEvery: saveEvery, baseModel: bundle.name,
            data: URL(fileURLWithPath: data.data).lastPathComponent, as: storesBF16 ? .bf16 : .f32,
            shouldStop: { StopSignals.isHeard }
        ) { display.report($0) }
        display.finish()
        if case .stopped(let step) = end { throw StopSignals.exitCode(of: out, afterStep: step, of: run.steps, group: group) }
        Console.printLine("\(out): \(settings.hookpoints.map { "\($0)" }.joined(separator: ", ")) trained in \(run.steps) steps")
    }

    /// Weights and everything else in f32: then the products of training are faster than those that serve.
    private var isFrozen: Bool { compute.weights == .f32 && compute.kvFormat == .f32 }

    private func weightBytes(_ bundle: ModelBundle, _ settings: ExtractSettings) throws -> Int {
        guard isFrozen else { return try bundle.weights.plan(compute.weights).byteCount }
        return FrozenDecoder.byteCount(
            config: bundle.config, precision: .f32, storedAsBF16: try bundle.weights.storedAsBF16, layerCount: settings.layerCount)
    }

    private func load(_ bundle: ModelBundle, _ settings: ExtractSettings, _ pool: WorkerPool) throws -> ActivationSource {
        guard isFrozen else { return .served(try compute.load(bundle.weights, pool: pool), kv: compute.kvFormat) }
        let loading = ProgressReporter("resa: loading \(bundle.name)")
        defer { loading.finish() }
        return .frozen(
            try FrozenDecoder(
                checkpoint: bundle.checkpoint, config: bundle.config, precision: .f32, layerCount: settings.layerCount, pool: pool
            ) { loading.report($0) })
    }

    private func settings(_ config: ModelConfig) throws -> (ExtractSettings, [HookPoint: SparseCoderTensors]) {
        let hookpoints = try sae.hookpointList()
        var initial: [HookPoint: SparseCoderTensors] = [:]
        var (latents, k) = (sae.latents ?? config.hiddenSize * sae.expansion, sae.k ?? 32)
        for (index, hookpoint) in hookpoints.enumerated() where sae.initial != nil {
            let (tensors, found) = try SparseCoderTensors.start(from: sae.initial ?? "", hookpoint: hookpoint, shape: config.shape)
            if index > 0 || sae.latents != nil, tensors.latents != latents {
                throw TrainingError.badSetting(
                    name: "--init",
                    problem:
                        "has \(tensors.latents) latents at \(hookpoint), but \(latents) are wanted; give no --latents, and hookpoints of equal size"
                )
            }
            (latents, initial[hookpoint]) = (tensors.latents, tensors)
            k = sae.k ?? found
        }
        var trainer = SAETrainerSettings(latents: latents)
        (trainer.k, trainer.multiTopK, trainer.auxKAlpha, trainer.deadTokens) = (k, sae.multiTopk, sae.auxk, sae.deadTokens)
        (trainer.optimiser, trainer.rate, trainer.warmUp) = (optimiser.optimiser, optimiser.rate, optimiser.warmup)
        (trainer.momentum, trainer.seed) = (optimiser.momentum, optimiser.seed)
        var settings = ExtractSettings(hookpoints: hookpoints, trainer: trainer)
        (settings.batch, settings.epochs, settings.maximumSteps) = (optimiser.batch, optimiser.epochs, optimiser.maxSteps)
        (settings.shuffles, settings.skipFirst) = (optimiser.shuffle, sae.skipFirst)
        settings.excludedTokens = Set(sae.excludeToken)
        return (settings, initial)
    }

    private func describe(_ bundle: ModelBundle, _ settings: ExtractSettings, _ chunks: TokenChunks, _ memory: ExtractMemory) {
        let parts = memory.parts.filter { $0.bytes > 0 }.map { "\($0.name) \(Quantity.bytes($0.bytes))" }.joined(separator: ", ")
        let places = settings.hookpoints.map { "\($0)" }.joined(separator: ", ")
        Console.note(
            """
            resa: \(bundle.name), \(settings.trainer.latents) latents, k \(settings.trainer.k), at \(places)
            resa: \(chunks.count) chunks of \(chunks.length) tokens, \(settings.steps(chunks)) steps of \(settings.batch * chunks.length) tokens
            resa: takes at most \(Quantity.bytes(memory.total)) of memory (\(parts))

            """)
    }
}

/// What is trained where.
struct ExtractSAEOptions: ParsableArguments {
    @Option(
        name: .customLong("hookpoint"),
        help: ArgumentHelp("layers.N for a block's output, layers.N.mlp for its MLP's; may be repeated.", valueName: "place"))
    var hookpoints: [String]

    @Option(help: "Latents of each SAE. (default: --expansion times the model's width)")
    var latents: Int?

    @Option(help: "Latents for each dimension of the model.")
    var expansion = 32

    @Option(help: "Latents that are active at a token. (default: 32, or that of --init)")
    var k: Int?

    @Flag(name: .customLong("multi-topk"), help: "Let the 4k strongest latents reconstruct too, at an eighth of the weight.")
    var multiTopk = false

    @Option(help: ArgumentHelp("Weight of AuxK, by which dead latents learn what the others leave; 1/32 is usual.", valueName: "weight"))
    var auxk = 0.0

    @Option(help: "Tokens without firing after which a latent is dead.")
    var deadTokens = 10_000_000

    @Option(
        name: .customLong("init"),
        help: ArgumentHelp("Start from this sparsify SAE: a hookpoint's folder, or one with folders of hookpoints.", valueName: "folder"))
    var initial: String?

    @Option(help: "Leave out the first tokens of every chunk, where many models keep an attention sink.")
    var skipFirst = 0

    @Option(help: ArgumentHelp("Leave out this token wherever it stands; may be repeated.", valueName: "id"))
    var excludeToken: [Int32] = []

    func validate() throws {
        _ = try hookpointList()
        if latents != nil, expansion != 32 { throw ValidationError("give either --latents or --expansion, not both") }
        if initial != nil, expansion != 32 { throw ValidationError("--init says how many latents there are; leave --expansion out") }
        try CompanionOptions.check(auxk > 0, "--auxk", [("--dead-tokens", deadTokens != 10_000_000)])
        try Limits.check([
            ("--expansion", expansion, 1...(1 << 16)), ("--latents", latents ?? 1, 1...(1 << 26)), ("--k", k ?? 1, 1...(1 << 26)),
        ])
    }

    func hookpointList() throws -> [HookPoint] {
        try hookpoints.map { text in
            guard let hookpoint = HookPoint(text) else {
                throw ValidationError("--hookpoint is \(text), but must be a place such as layers.12 or layers.12.mlp")
            }
            return hookpoint
        }
    }
}

/// How it is trained.
struct ExtractOptimiserOptions: ParsableArguments {
    @Option(help: "signum: sign descent in a schedule-free average. adam: with warm-up and linear decay.")
    var optimiser = SAETrainerSettings.Optimiser.signum

    @Option(help: "Learning rate. (default: for signum 5e-3, for adam 2e-4, over the square root of latents / 16384)")
    var rate: Double?

    @Option(help: "Steps over which the rate of adam rises.")
    var warmup = 1000

    @Option(help: "Momentum of the schedule-free average.")
    var momentum = 0.95

    @Option(help: "Chunks of a step; at least one for each process.")
    var batch = 16

    @Option(help: "Passes over the data.")
    var epochs = 1

    @Option(help: "End after so many steps.")
    var maxSteps: Int?

    @Flag(help: "Take the chunks in a random order instead of the data's.")
    var shuffle = false

    @Option(help: "Decides the start of new SAEs and the order of --shuffle.")
    var seed: UInt64 = 0

    func validate() throws {
        try CompanionOptions.check(optimiser == .adam, "--optimiser adam", [("--warmup", warmup != 1000)])
        try CompanionOptions.check(optimiser == .signum, "--optimiser signum", [("--momentum", momentum != 0.95)])
        try Limits.check([
            ("--batch", batch, 1...(1 << 20)), ("--epochs", epochs, 1...1_000_000), ("--max-steps", maxSteps ?? 1, 1...Int.max),
        ])
    }
}

extension SAETrainerSettings.Optimiser: ExpressibleByArgument {}
