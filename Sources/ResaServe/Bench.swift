import ArgumentParser

/// `resa bench`: measures speed. A new kind of measurement is one file and one line in `subcommands`.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure speed: of a server under load.",
        discussion: "What each figure means stands in docs/bench.md.",
        subcommands: [
            BenchServe.self
        ])
}
