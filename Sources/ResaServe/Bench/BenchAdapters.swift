import ArgumentParser
import Foundation
import Inspection
import Measuring
import Terminal

/// `resa bench adapters`: what adapters in a batch cost, without HTTP.
struct BenchAdapters: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapters",
        abstract: "Time decode steps with adapters in the batch against steps of the base model alone.",
        discussion: """
            Adapters are random and made in memory: LoRAs on all seven projections, and at one layer an SAE and a steering vector. Steps of \
            the base model and of every kind of adapter are taken in turn, so that a drift of the machine meets all of them; the table shows \
            medians over the steps, and medians of each step's ratio to the base's step of the same turn.
            """)

    @OptionGroup var source: ModelOptions
    @OptionGroup var compute: ComputeOptions

    @Option(help: ArgumentHelp("Batches, separated by commas.", valueName: "list"))
    var batch = "1,16"

    @Option(help: ArgumentHelp("Numbers of different LoRAs in the batch, separated by commas; 0 for none.", valueName: "list"))
    var loras = "1,4,16"

    @Option(help: "Rank of the LoRAs.")
    var rank = 32

    @Option(help: "Latents of the SAE; 0 for no SAE.")
    var latents = 65536

    @Option(help: "Latents that a token selects.")
    var k = 32

    @Option(help: "Layer of the SAE and of the steering vector. (default: the middle one)")
    var layer: Int?

    @Option(help: "Turns: steps of each kind.")
    var turns = 16

    @Option(help: "Tokens each sequence has behind it.")
    var context = 128

    @Flag(help: "Print JSON: every step of everything.")
    var json = false

    func validate() throws {
        try Limits.check("--batch", batch, 1...4096)
        let counts = try Limits.check("--loras", loras, 0...4096)
        try CompanionOptions.check(latents > 0, "--latents above 0", [("--k", k != 32)])
        try CompanionOptions.check(
            counts.contains { $0 > 0 }, "--loras above 0", [("--rank", rank != 32), ("--adapter-weights", compute.adapterWeights != nil)])
        try Limits.check([
            ("--rank", rank, 1...4096), ("--latents", latents, 0...(1 << 24)), ("--k", k, 1...(latents > 0 ? latents : Int.max)),
            ("--layer", layer, 0...4096), ("--turns", turns, 1...100_000), ("--context", context, 1...(1 << 20)),
        ])
    }

    func run() throws {
        var question = AdapterSpeed.Question()
        question.batches = Limits.numbers(batch, 1...4096) ?? []
        question.loras = Limits.numbers(loras, 0...4096) ?? []
        (question.rank, question.latents, question.k, question.layer) = (rank, latents, k, layer)
        (question.turns, question.context) = (turns, context)
        let report = try AdapterSpeed(question, on: try compute.open(source))
        json ? try Console.printJSON(report) : show(report)
    }

    private func show(_ report: AdapterSpeed) {
        Console.printFacts([
            ("model", "\(report.model), weights \(report.weights), adapters \(report.adapterWeights), \(report.threads) threads"),
            ("one LoRA", report.loraBytes > 0 ? "rank \(rank), \(Quantity.bytes(report.loraBytes))" : nil),
            ("SAE", latents > 0 ? "\(latents) latents, k \(k)" : nil),
            ("context", "\(context) tokens, \(turns) turns"),
        ])
        Console.printTable(
            ["batch", "", "tokens/s", "of base", "quartiles", "costs"],
            report.rows.map { row in
                let sorted = row.shareOfBase.sorted()
                let share = row.shareOfBase.median
                return [
                    String(row.batch), row.name, String(format: "%.1f", Double(row.batch) / row.seconds.median),
                    String(format: "%.3f", share), String(format: "%.3f-%.3f", sorted[sorted.count / 4], sorted[sorted.count * 3 / 4]),
                    String(format: "%.1f %%", (1 / share - 1) * 100),
                ]
            })
    }
}
