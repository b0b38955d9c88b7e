import AdapterRegistry
import ArgumentParser
import Checkpoints
import Downloads
import Foundation
import Models
import Tensors

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

    func validate() throws {
        if !(1...10_000).contains(rounds) { throw ValidationError("--rounds is \(rounds), but must be from 1 to 10000") }
    }

    struct Report: Encodable {
        struct Row: Encodable {
            let format: String
            /// In memory.
            var bytes = 0
            var firstSeconds = 0.0
            var seconds: [Double] = []
        }

        let adapter: String
        let fileBytes: Int
        var rows: [Row] = []
    }

    func run() async throws {
        let weights = try ModelWeights(path: source.model)
        let folder = URL(fileURLWithPath: adapter, isDirectory: true).standardizedFileURL
        let name = "adapter"
        var rules = AdapterKeeper.Rules(puller: Puller(hub: try HubEnvironment.read()))
        // Who runs it may read what it names, wherever its links lead.
        rules.folders = AllowedFolders([URL(fileURLWithPath: "/")])
        var keepers: [AdapterKeeper] = []
        var report: Report?
        for format in formats {
            let registry = try AdapterRegistry(
                folder: nil, shape: weights.config.shape, format: .bf16, adapterFormat: format, base: weights.projections, baseName: "")
            let keeper = AdapterKeeper(registry, rules: rules)
            let summary = try await keeper.add(source: folder.path, as: name, loads: false)
            var found = report ?? Report(adapter: folder.lastPathComponent, fileBytes: summary.bytes)
            found.rows.append(Report.Row(format: format.rawValue))
            report = found
            keepers.append(keeper)
        }
        guard var report else { return }
        for round in 0...rounds {
            for (index, keeper) in keepers.enumerated() {
                let start = ContinuousClock.now
                report.rows[index].bytes = try await keeper.load(name).usage.residentBytes
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                if round == 0 { report.rows[index].firstSeconds = seconds } else { report.rows[index].seconds.append(seconds) }
                _ = try await keeper.unload(name)
            }
        }
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
