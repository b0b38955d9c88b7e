// ResaServe: the command line, one file per verb. It knows nothing about kernels.

import ArgumentParser
import Server

/// The `resa` command. A new verb is one file and one line in `subcommands`.
struct Resa: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resa",
        abstract: "Serve reasoning models on CPUs, with adapters chosen per request.",
        discussion:
            "Exit codes: 0 for success, 1 for failures, 64 for wrong usage, 130 or 143 after a signal, 141 when nobody reads what is printed.",
        version: "resa \(ResaVersion.current)",
        subcommands: [
            Serve.self,
            Generate.self,
            Info.self,
            Tokenize.self,
            Render.self,
            AdaptersCommand.self,
            ModelsCommand.self,
            Extract.self,
            Tune.self,
            Merge.self,
            Probe.self,
            Doctor.self,
            Bench.self,
            Eval.self,
        ])
}
