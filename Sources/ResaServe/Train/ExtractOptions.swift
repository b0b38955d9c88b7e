import Adapters
import ArgumentParser
import Models
import Training

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
            ("--expansion", expansion, 1...(1 << 16)), ("--latents", latents, 1...(1 << 26)), ("--k", k, 1...(1 << 26)),
        ])
    }

    func start(for config: ModelConfig) throws -> SparseCoderStart {
        try SparseCoderStart(
            at: try hookpointList(), from: initial, latents: latents, k: k, otherwise: config.hiddenSize * expansion, shape: config.shape)
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
            ("--batch", batch, 1...(1 << 20)), ("--epochs", epochs, 1...1_000_000), ("--max-steps", maxSteps, 1...Int.max),
        ])
    }
}

extension SAETrainerSettings.Optimiser: ExpressibleByArgument {}
