import AdapterRegistry
import ArgumentParser
import Inspection
import Terminal

/// `resa adapters check`.
struct CheckAdapter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Does an adapter suit a model? Measure what it does to it.",
        discussion: """
            Looks at shapes, at what differs from the base model that the adapter names, and, on a sample text, at the KL divergence from the \
            model without it and at what an SAE's reconstruction loses (FVU). Exit status: 0 when it fits, 2 with warnings, 3 when it does \
            not, 1 when that could not be told.
            """)

    @Argument(help: "The adapter's folder, or its name in --adapters or the store.")
    var adapter: String

    @OptionGroup var source: ModelOptions
    @OptionGroup var compute: ComputeOptions

    @Option(help: "The folder of adapters to find the name in.")
    var adapters: String?

    @Option(help: "Only the SAE's hookpoints at this layer.")
    var layer: Int?

    @Option(help: "Compare with this model instead of the one the adapter names: a folder or a .gguf file.")
    var base: String?

    @OptionGroup(title: "Sample text") var sample: SampleOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let place = try AdapterFolder.find(adapter, adapters: adapters)
        let bench = try compute.open(source)
        var question = AdapterCheck.Question(place, sample: try SampleText(path: sample.text, rows: sample.rows))
        (question.layer, question.base, question.tokens, question.context) = (layer, base, sample.tokens, sample.context)
        let check = try await AdapterCheck.run(question, on: bench)
        json ? try Console.printJSON(check) : check.show()
        if check.verdict.level != .fits { throw ExitCode(check.verdict.level == .warnings ? 2 : 3) }
    }
}

/// What is read to see what an adapter does.
struct SampleOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Text to read. Of a .jsonl file, each row's "text", or "question" and "answer" ("problem" and "solution") on lines of their own. \
            (default: a page that comes along)
            """,
            valueName: "file"))
    var text: String?

    @Option(help: "Rows of a .jsonl file to read. (default: all)")
    var rows: Int?

    @Option(help: "Tokens to read at most.")
    var tokens = 1024

    @Option(help: "Tokens in a context.")
    var context = 256

    func validate() throws {
        try CompanionOptions.check(text?.hasSuffix(".jsonl") ?? false, "a --text that is a .jsonl file", [("--rows", rows != nil)])
        try Limits.check([("--rows", rows, 1...), ("--tokens", tokens, 1...), ("--context", context, 1...)])
    }
}
