import Adapters
import ArgumentParser
import Training

/// What a LoRA is trained for, and what it is.
struct TuneMethodOptions: ParsableArguments {
    enum Objective: String, ExpressibleByArgument, CaseIterable { case kl, sft }
    enum Direction: String, ExpressibleByArgument, CaseIterable { case forward, reverse }
    enum LossTokens: String, ExpressibleByArgument, CaseIterable { case all, answer }

    @Option(help: "kl: match the model without SAE and LoRA. sft: predict the data.")
    var objective = Objective.kl

    @Option(help: ArgumentHelp("The SAE: a folder with hookpoints, or one hookpoint's.", valueName: "folder"))
    var sae: String?

    @Option(
        help: ArgumentHelp(
            "Where in the model the SAE stands: layers.N or layers.N.mlp. (default: the only one there is)", valueName: "place"))
    var hookpoint: String?

    @Option(help: "cut: no gradient through the hook, as the published code. through: as the paper's equations.")
    var saeGrad = SAEGradient.cut

    @Option(help: "forward: KL(base || student). reverse: KL(student || base).")
    var direction = Direction.forward

    @Option(help: "Loss over the positions of a chunk: sum or mean. (default: sum for kl, mean for sft)")
    var reduction: LossReduction?

    @Option(help: "Count all positions, or those before a token of an answer.")
    var lossTokens = LossTokens.all

    @Option(help: ArgumentHelp("A control: let each latent write with another one's decoder row, drawn with this seed.", valueName: "seed"))
    var shuffleSae: UInt64?

    @Option(help: "Rank of the LoRA.")
    var rank = 32

    @Option(help: "The LoRA's scale is alpha / rank.")
    var alpha = 128.0

    @Option(help: "Dropout on what goes into the LoRA.")
    var dropout = 0.05

    @Option(help: ArgumentHelp("Projections with a LoRA: some of q, k, v, o, gate, up, down.", valueName: "list"))
    var modules = "q,k,v,o,gate,up,down"

    @Option(name: .customLong("from"), help: ArgumentHelp("Start from this adapter instead of B = 0.", valueName: "folder"))
    var initial: String?

    func validate() throws {
        try Limits.check([("--rank", rank, 1...4096)])
        try Limits.check([("--alpha", alpha, 1e-6...1e9), ("--dropout", dropout, 0...0.99)])
        _ = try moduleList()
        _ = try hookpointValue()
        switch objective {
        case .kl: if sae == nil { throw ValidationError("--objective kl needs --sae; for plain fine-tuning say --objective sft") }
        case .sft:
            if sae != nil { throw ValidationError("--objective sft trains without an SAE; leave --sae out") }
            if direction == .reverse { throw ValidationError("--direction is for --objective kl") }
            try CompanionOptions.check(
                false, "--objective kl",
                [("--hookpoint", hookpoint != nil), ("--sae-grad", saeGrad != .cut), ("--shuffle-sae", shuffleSae != nil)])
        }
    }

    var objectiveValue: TrainingObjective {
        objective == .sft ? .crossEntropy : direction == .forward ? .forwardKL : .reverseKL
    }

    func hookpointValue() throws -> HookPoint? {
        guard let hookpoint else { return nil }
        guard let point = HookPoint(hookpoint) else {
            throw ValidationError("--hookpoint is \(hookpoint), but must be layers.N or layers.N.mlp")
        }
        return point
    }

    func moduleList() throws -> [ProjectionModule] {
        let names = modules.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let chosen = try names.map { name in
            guard let module = ProjectionModule(rawValue: name) ?? ProjectionModule(rawValue: name + "_proj") else {
                throw ValidationError("--modules names '\(name)', but must name some of q, k, v, o, gate, up, down")
            }
            return module
        }
        guard !chosen.isEmpty else { throw ValidationError("--modules names none") }
        return ProjectionModule.allCases.filter(chosen.contains)
    }
}

/// How a LoRA is trained.
struct TuneOptimiserOptions: ParsableArguments {
    @Option(help: "Learning rate.")
    var rate = 1e-6

    @Option(help: "constant, linear or cosine, after the warm-up.")
    var schedule = LearningRate.Schedule.constant

    @Option(help: ArgumentHelp("Steps of linear warm-up.", valueName: "steps"))
    var warmup = 0

    @Option(help: "AdamW's beta 1.")
    var beta1 = 0.9

    @Option(help: "AdamW's beta 2.")
    var beta2 = 0.999

    @Option(help: "AdamW's epsilon.")
    var epsilon = 1e-8

    @Option(help: "AdamW's weight decay.")
    var weightDecay = 0.01

    @Option(help: "The norm that gradients are clipped to; 0 for none.")
    var clip = 1.0

    @Option(help: "Times the data is gone through.")
    var epochs = 2

    @Option(help: "Stop after so many steps.")
    var maxSteps: Int?

    @Option(help: "Chunks that make one step; at least one for each process.")
    var batch = 1

    @Flag(help: "Take the chunks in the data's order.")
    var keepOrder = false

    @Option(help: "Seed of initial values, order and dropout.")
    var seed: UInt64 = 0

    func validate() throws {
        try Limits.check([
            ("--warmup", warmup, 0...1_000_000_000), ("--epochs", epochs, 1...1_000_000), ("--max-steps", maxSteps, 1...1_000_000_000),
            ("--batch", batch, 1...65536),
        ])
        try Limits.check([
            ("--rate", rate, 0...1e3), ("--beta1", beta1, 0...0.999_999_999), ("--beta2", beta2, 0...0.999_999_999),
            ("--epsilon", epsilon, 0...1), ("--weight-decay", weightDecay, 0...1e3), ("--clip", clip, 0...1e9),
        ])
    }
}

extension SAEGradient: ExpressibleByArgument {}
extension LossReduction: ExpressibleByArgument {}
extension LearningRate.Schedule: ExpressibleByArgument {}
