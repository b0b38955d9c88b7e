import ArgumentParser
import Tensors
import Training

/// `resa merge`: folds a LoRA into a checkpoint.
struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fold a LoRA into a checkpoint.",
        discussion: """
            Writes a Hugging Face folder whose weights are W + scale * B A, in the types of the original, with its configuration and \
            tokenizer. Weights that the adapter leaves alone are copied bit for bit.
            """)

    @OptionGroup var source: ModelOptions

    @Option(help: ArgumentHelp("The LoRA: a PEFT folder.", valueName: "folder"))
    var adapter: String

    @Option(help: ArgumentHelp("Where the model goes.", valueName: "folder"))
    var out: String

    @Option(help: "Strength of the adapter.")
    var scale: Float = 1

    func validate() throws {
        guard scale.isFinite else { throw ValidationError("--scale is \(scale), but must be a number") }
    }

    func run() throws {
        let merged = try MergedCheckpoint(
            model: source.model, adapter: adapter, strength: scale, pool: WorkerPool(threads: MachineProbe.processors))
        let progress = ProgressReporter("resa: merging")
        let changed = try merged.write(to: try OutputFolder(out)) { progress.report($0) }
        progress.finish()
        Console.printLine("\(out): \(changed) matrices changed")
    }
}
