import ArgumentParser
import Foundation
import Inspection
import Measuring
import Terminal

/// `resa bench model`: prefill and decode of a model without HTTP.
struct BenchModel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Time prefill and decode at several batch sizes, without HTTP.",
        discussion: """
            Every round measures the machine (see resa doctor), then one prompt, then each batch in turn, so that a drift of the machine meets \
            all of them; the table shows medians over the rounds.
            """)

    @OptionGroup var source: ModelOptions
    @OptionGroup var compute: ComputeOptions

    @Option(help: "Tokens of the prompt that is timed; 0 for none.")
    var prompt = 512

    @Option(help: ArgumentHelp("Batches to decode, separated by commas.", valueName: "list"))
    var batch = "1,4,8,16,32"

    @Option(help: "Tokens to decode for each sequence.")
    var tokens = 32

    @Option(help: "Tokens each decoded sequence has behind it.")
    var context = 128

    @Option(help: "Prompt tokens in one pass.")
    var chunk = 512

    @Option(help: "Rounds.")
    var rounds = 3

    @Flag(help: "Print JSON: every round of everything.")
    var json = false

    func validate() throws {
        try compute.refuseAdapterWeights()
        try Limits.check("--batch", batch, 1...4096)
        try Limits.check([
            ("--prompt", prompt, 0...(1 << 20)), ("--tokens", tokens, 1...(1 << 20)), ("--context", context, 1...(1 << 20)),
            ("--chunk", chunk, 1...65536), ("--rounds", rounds, 1...1000),
        ])
    }

    func run() throws {
        var question = ModelSpeed.Question()
        question.batches = Limits.numbers(batch, 1...4096) ?? []
        (question.prompt, question.tokens, question.context) = (prompt, tokens, context)
        (question.chunk, question.rounds) = (chunk, rounds)
        let report = try ModelSpeed(question, on: try compute.open(source))
        json ? try Console.printJSON(report) : report.show()
    }
}

extension ModelSpeed {
    func show() {
        let bandwidth = probe.readGigabytesPerSecond.median
        let bytes = Double(weightBytesPerToken)
        Console.printFacts([
            ("model", "\(model), weights \(weights), KV \(kv), \(threads) threads"),
            ("weights read by a step", Quantity.bytes(weightBytesPerToken)),
            ("read bandwidth", String(format: "%.1f GB/s", bandwidth)),
            ("int8 dot product", String(format: "%.0f GOP/s", probe.int8GigaopsPerSecond.median)),
            ("bf16 dot product", String(format: "%.0f GFLOP/s", probe.bf16GigaflopsPerSecond.median)),
        ])
        func row(_ name: String, _ values: [Double], steps: Double?) -> [String] {
            let read = steps.map { String(format: "%.2f", values.median / $0 * bytes / 1e9 / bandwidth) }
            let range = String(format: "%.1f-%.1f", values.min() ?? 0, values.max() ?? 0)
            return [name, String(format: "%.1f", values.median), range, read ?? ""]
        }
        Console.printTable(
            ["", "tokens/s", "range", "weights read / bandwidth"],
            prefill.map { row("prefill \($0.tokens)", $0.tokensPerSecond, steps: nil) }
                + decode.map { row("decode, batch \($0.batch)", $0.tokensPerSecond, steps: Double($0.batch)) })
    }
}
