import ArgumentParser

/// `resa bench`: how fast kernels, a model and a server are.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure speed: kernels, a model, adapters, or any OpenAI-compatible server.",
        discussion: "What the figures mean is in docs/bench.md.",
        subcommands: [BenchKernels.self, BenchModel.self, BenchAdapters.self, BenchLoad.self, BenchServe.self])
}
