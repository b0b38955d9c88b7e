import ArgumentParser
import Foundation
import Inspection
import Measuring
import Models
import Tensors
import Terminal

/// `resa bench load`: how long until an adapter on disk is ready for requests.
struct BenchLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Time how long an adapter takes from its files to memory.",
        discussion: """
            Loads and unloads the adapter again and again, as a server does it, in every format in turn; of an SAE, all its hookpoints. Of the model \
            only the configuration is read. The first time of all is shown by itself: its files may have been on the disk only.
            """)

    @Argument(help: "The adapter's folder.")
    var adapter: String

    @OptionGroup var source: ModelOptions

    @Option(
        name: .customLong("adapter-weights"),
        help: ArgumentHelp("A format to hold LoRAs in; may be repeated. (default: bf16 and int8)", valueName: "format"))
    var formats: [AdapterFormat] = [.bf16, .int8]

    @Option(help: "Loads in each format.")
    var rounds = 20

    @Flag(help: "Print JSON: every load.")
    var json = false

    func validate() throws { try Limits.check([("--rounds", rounds, 1...10_000)]) }

    func run() async throws {
        let weights = try ModelWeights(path: source.model)
        let folder = URL(fileURLWithPath: adapter, isDirectory: true).standardizedFileURL
        guard let report = try await LoadingSpeed(of: folder, for: weights, formats: formats, rounds: rounds) else { return }
        if json { return try Console.printJSON(report) }
        Console.printFacts([("adapter", "\(report.adapter), \(Quantity.bytes(report.fileBytes)) on disk"), ("loads", "\(rounds)")])
        Console.printTable(
            ["held as", "memory", "ms", "range", "first"],
            report.rows.map { row in
                func milliseconds(_ seconds: Double) -> String { String(format: "%.1f", seconds * 1000) }
                return [
                    row.format, Quantity.bytes(row.bytes), milliseconds(row.seconds.median),
                    "\(milliseconds(row.seconds.min() ?? 0))-\(milliseconds(row.seconds.max() ?? 0))", milliseconds(row.firstSeconds),
                ]
            })
    }
}
