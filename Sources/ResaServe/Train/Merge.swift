import ArgumentParser
import Tensors
import Terminal
import Training
import Workbench

/// `resa merge`: folds a LoRA into a checkpoint.
struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fold a LoRA into a checkpoint.",
        discussion: """
            Writes the model again, in the layout it has, with the weights W + scale * B A; everything that the adapter leaves alone is \
            copied as it is. Weights keep their type; those of a GGUF that are quantised become f16 where they change.
            """)

    @OptionGroup var source: ModelOptions

    @Option(help: ArgumentHelp("The LoRA: a PEFT folder.", valueName: "folder"))
    var adapter: String

    @Option(help: ArgumentHelp("Where the model goes: a folder, or for a GGUF a file.", valueName: "path"))
    var out: String

    @Option(help: "Strength of the adapter.")
    var scale: Float = 1

    func validate() throws {
        guard scale.isFinite else { throw ValidationError("--scale is \(scale), but must be a number") }
    }

    func run() throws {
        let pool = WorkerPool(threads: MachineProbe.processors)
        let changed = try TerminalWatcher().watch("resa: merging") { report in
            try MergedModel.write(source.model, with: adapter, strength: scale, to: out, pool: pool, progress: report)
        }
        Console.printLine("\(out): \(changed) matrices changed")
    }
}
