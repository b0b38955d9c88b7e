import Adapters
import ArgumentParser
import Engine
import Foundation
import Models
import Tensors

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
        guard Self.numbers(batch, 1...4096) != nil else {
            throw ValidationError("--batch is \(batch), but must be numbers from 1 to 4096, separated by commas")
        }
        guard Self.numbers(loras, 0...4096) != nil else {
            throw ValidationError("--loras is \(loras), but must be numbers from 0 to 4096, separated by commas")
        }
        let limits = [
            ("--rank", rank, 1...4096), ("--latents", latents, 0...(1 << 24)), ("--k", k, 1...(latents > 0 ? latents : Int.max)),
            ("--layer", layer ?? 0, 0...4096), ("--turns", turns, 1...100_000), ("--context", context, 1...(1 << 20)),
        ]
        for (name, value, range) in limits where !range.contains(value) {
            throw ValidationError("\(name) is \(value), but must be from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    private static func numbers(_ list: String, _ range: ClosedRange<Int>) -> [Int]? {
        let values = list.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
        return values.contains { $0.map { !range.contains($0) } ?? true } ? nil : values.compactMap(\.self)
    }

    struct Report: Encodable {
        struct Row: Encodable {
            let name: String
            let batch: Int
            var seconds: [Double] = []
            /// The base's time over this one's, turn by turn.
            var shareOfBase: [Double] = []
        }

        let model: String
        let weights: String
        let adapterWeights: String
        let threads: Int
        let loraBytes: Int
        var rows: [Row] = []
    }

    func run() throws {
        let pool = compute.makePool()
        let bundle = try ModelBundle.open(path: source.model)
        let shape = bundle.config.shape
        let layer = layer ?? (shape.layers - 1) / 2
        guard layer < shape.layers else { throw CommandError("--layer is \(layer), but the model has \(shape.layers) layers") }
        let model = try compute.load(bundle.weights, pool: pool)
        let format = compute.adapterWeights ?? compute.weights.adapterFormat
        let batches = Self.numbers(batch, 1...4096) ?? []
        let counts = (Self.numbers(loras, 0...4096) ?? []).filter { $0 > 0 }
        let adapters = try (0..<(counts.max() ?? 0)).map { index in
            try RandomAdapters.lora(seed: UInt64(index), rank: rank, shape: shape, format: format, pool: pool)
        }
        let sets = adapters.map { AdapterSet([.lora($0, scale: 1)]) }
        let hooked = try hookedVariants(layer: layer, shape: shape, pool: pool)
        let benchmark = ModelBenchmark(
            model: model, kv: compute.kvFormat, pool: pool, sequences: batches.max() ?? 1, positions: context + turns)
        var report = Report(
            model: bundle.name, weights: compute.weights.rawValue, adapterWeights: format.rawValue, threads: pool.threads,
            loraBytes: adapters.first?.byteCount ?? 0)
        for batch in batches {
            var variants: [(name: String, sets: [AdapterSet])] = [("base", [.none])]
            for count in Set(counts.map { min($0, batch) }).sorted() {
                variants.append((count == 1 ? "one LoRA" : "\(count) different LoRAs", Array(sets.prefix(count))))
            }
            for variant in hooked { variants.append((variant.name, [variant.set])) }
            let lists = variants.map(\.sets)
            _ = benchmark.decodeInTurn(batch: batch, context: 1, steps: 1, chunk: 512, variants: lists)
            let times = benchmark.decodeInTurn(batch: batch, context: context, steps: turns, chunk: 512, variants: lists)
                .map { $0.map(\.inSeconds) }
            for (variant, seconds) in zip(variants, times) {
                report.rows.append(
                    Report.Row(name: variant.name, batch: batch, seconds: seconds, shareOfBase: zip(times[0], seconds).map { $0 / $1 }))
            }
        }
        if json { return try Console.printJSON(report) }
        show(report)
    }

    private func hookedVariants(layer: Int, shape: ModelShape, pool: WorkerPool) throws -> [(name: String, set: AdapterSet)] {
        let hookpoint = HookPoint.residual(layer: layer)
        let steering = try Steering(RandomAdapters.steering(at: hookpoint, width: shape.hiddenSize))
        var variants: [(name: String, set: AdapterSet)] = [("steering vector", AdapterSet([.vector(steering)]))]
        guard latents > 0 else { return variants }
        let sae = try RandomAdapters.sae(at: hookpoint, latents: latents, k: k, width: shape.hiddenSize, pool: pool)
        func add(_ name: String, _ mode: InterventionMode, _ edits: [LatentEdit] = [], top: Int = 0) throws {
            variants.append((name, AdapterSet([.sae(try Intervention(sae: sae, mode: mode, edits: edits, top: top))])))
        }
        try add("SAE splice", .splice)
        try add("SAE edit, set", .edit, [LatentEdit(latent: 1, op: .set, value: 2)])
        try add("SAE edit, add", .edit, [LatentEdit(latent: 1, op: .add, value: 2)])
        try add("SAE observe, top \(min(8, k))", .observe, top: min(8, k))
        return variants
    }

    private func show(_ report: Report) {
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
