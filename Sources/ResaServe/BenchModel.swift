import ArgumentParser
import Engine
import Foundation
import Models
import Tensors

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

    private var batches: [Int]? {
        let values = batch.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
        return values.contains { $0.map { !(1...4096).contains($0) } ?? true } ? nil : values.compactMap(\.self)
    }

    func validate() throws {
        try compute.refuseAdapterWeights()
        guard batches != nil else { throw ValidationError("--batch is \(batch), but must be numbers from 1 to 4096, separated by commas") }
        let limits = [
            ("--prompt", prompt, 0...(1 << 20)), ("--tokens", tokens, 1...(1 << 20)), ("--context", context, 1...(1 << 20)),
            ("--chunk", chunk, 1...65536), ("--rounds", rounds, 1...1000),
        ]
        for (name, value, range) in limits where !range.contains(value) {
            throw ValidationError("\(name) is \(value), but must be from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    struct Report: Encodable {
        struct Probe: Encodable {
            var readGigabytesPerSecond: [Double] = []
            var f32GigaflopsPerSecond: [Double] = []
            var bf16GigaflopsPerSecond: [Double] = []
            var int8GigaopsPerSecond: [Double] = []
        }

        struct Prefill: Encodable {
            let tokens: Int
            var tokensPerSecond: [Double] = []
        }

        struct Decode: Encodable {
            let batch: Int
            let context: Int
            var tokensPerSecond: [Double] = []
        }

        let model: String
        let weights: String
        let kv: String
        let threads: Int
        let weightBytesPerToken: Int
        var probe = Probe()
        var prefill: [Prefill] = []
        var decode: [Decode] = []
    }

    func run() throws {
        let pool = compute.makePool()
        let bundle = try ModelBundle.open(path: source.model)
        let model = try compute.load(bundle.weights, pool: pool)
        let batches = batches ?? []
        let benchmark = ModelBenchmark(
            model: model, kv: compute.kvFormat, pool: pool, sequences: batches.max() ?? 1, positions: max(prompt, context + tokens))
        var report = Report(
            model: bundle.name, weights: compute.weights.rawValue, kv: compute.kvFormat.rawValue, threads: pool.threads,
            weightBytesPerToken: model.bytesPerStep)
        report.prefill = prompt > 0 ? [Report.Prefill(tokens: prompt)] : []
        report.decode = batches.map { Report.Decode(batch: $0, context: context) }

        let progress = ProgressReporter("resa: timing \(bundle.name)")
        let steps = Double(rounds * (1 + report.prefill.count + batches.count))
        var done = 0.0
        func advance() {
            done += 1
            progress.report(done / steps)
        }
        _ = benchmark.decode(batch: 1, context: 1, steps: 2, chunk: chunk)
        for _ in 0..<rounds {
            report.probe.add(MachineProbe.measure(pool: pool))
            advance()
            for index in report.prefill.indices {
                let seconds = benchmark.prefill(tokens: prompt, chunk: chunk).inSeconds
                report.prefill[index].tokensPerSecond.append(Double(prompt) / seconds)
                advance()
            }
            for index in report.decode.indices {
                let batch = report.decode[index].batch
                let seconds = benchmark.decode(batch: batch, context: context, steps: tokens, chunk: chunk).inSeconds
                report.decode[index].tokensPerSecond.append(Double(batch * tokens) / seconds)
                advance()
            }
        }
        progress.finish()
        if json { return try Console.printJSON(report) }
        show(report)
    }

    private func show(_ report: Report) {
        let bandwidth = report.probe.readGigabytesPerSecond.median
        let bytes = Double(report.weightBytesPerToken)
        Console.printFacts([
            ("model", "\(report.model), weights \(report.weights), KV \(report.kv), \(report.threads) threads"),
            ("weights read by a step", Quantity.bytes(report.weightBytesPerToken)),
            ("read bandwidth", String(format: "%.1f GB/s", bandwidth)),
            ("int8 dot product", String(format: "%.0f GOP/s", report.probe.int8GigaopsPerSecond.median)),
            ("bf16 dot product", String(format: "%.0f GFLOP/s", report.probe.bf16GigaflopsPerSecond.median)),
        ])
        func row(_ name: String, _ values: [Double], steps: Double?) -> [String] {
            let read = steps.map { String(format: "%.2f", values.median / $0 * bytes / 1e9 / bandwidth) }
            let range = String(format: "%.1f-%.1f", values.min() ?? 0, values.max() ?? 0)
            return [name, String(format: "%.1f", values.median), range, read ?? ""]
        }
        Console.printTable(
            ["", "tokens/s", "range", "weights read / bandwidth"],
            report.prefill.map { row("prefill \($0.tokens)", $0.tokensPerSecond, steps: nil) }
                + report.decode.map { row("decode, batch \($0.batch)", $0.tokensPerSecond, steps: Double($0.batch)) })
    }
}

extension BenchModel.Report.Probe {
    mutating func add(_ probe: MachineProbe) {
        readGigabytesPerSecond.append(probe.readGigabytesPerSecond)
        f32GigaflopsPerSecond.append(probe.f32GigaflopsPerSecond)
        bf16GigaflopsPerSecond.append(probe.bf16GigaflopsPerSecond)
        int8GigaopsPerSecond.append(probe.int8GigaopsPerSecond)
    }
}

extension [Double] {
    /// The middle value, or the mean of the two; 0 for none.
    var median: Double {
        if isEmpty { return 0 }
        let sorted = sorted()
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }
}
