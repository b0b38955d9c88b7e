import Adapters
import ArgumentParser
import Checkpoints
import Engine
import Foundation
import JSONText
import Models
import Tensors

/// `resa doctor --quality`: what packing the weights costs in fidelity, against the same model in f32.
struct QualityOptions: ParsableArguments {
    @Flag(help: "Measure how far packed weights move the next-token distribution from f32; needs --model and --text.")
    var quality = false

    @Option(help: "With --quality: a Hugging Face folder or a .gguf file.")
    var model: String?

    @Option(
        help: ArgumentHelp(
            """
            With --quality: text to read. Of a .jsonl file, each row's "text", or "question" and "answer" ("problem" and "solution") on \
            lines of their own.
            """,
            valueName: "file"))
    var text: String?

    @Option(help: "With --quality: rows of a .jsonl file to read. (default: all)")
    var rows: Int?

    @Option(help: "With --quality: tokens in a context.")
    var context = 512

    @Option(help: "With --quality: contexts to read at most. (default: all)")
    var contexts: Int?

    @Option(
        name: .customLong("weights"),
        help: ArgumentHelp(
            "With --quality: a weight format to measure; may be repeated. (default: every one but f32)", valueName: "format"))
    var formats: [WeightFormat] = []

    @Option(
        help: ArgumentHelp(
            """
            With --quality: a PEFT folder. Measures formats of that LoRA instead, with weights in f32 and in each format, against both in f32.
            """,
            valueName: "folder"))
    var lora: String?

    func validate() throws {
        if quality, model == nil || text == nil { throw ValidationError("--quality needs --model and --text") }
        try CompanionOptions.check(
            quality, "--quality",
            [
                ("--model", model != nil), ("--text", text != nil), ("--rows", rows != nil), ("--context", context != 512),
                ("--contexts", contexts != nil), ("--weights", !formats.isEmpty), ("--lora", lora != nil),
            ])
        try CompanionOptions.check(text?.hasSuffix(".jsonl") ?? false, "a --text that is a .jsonl file", [("--rows", rows != nil)])
        let limits = [("--rows", rows), ("--context", context), ("--contexts", contexts)]
        for (name, value) in limits where value.map({ $0 < 1 }) ?? false {
            throw ValidationError("\(name) is \(value ?? 0), but must be at least 1")
        }
    }
}

struct QualityReport: Encodable {
    struct Row: Encodable {
        let weights: String
        let meanKl: Double
        let medianKl: Double
        let p99Kl: Double
        let sameTopShare: Double
        let perplexity: Double
        let packedBytes: Int
    }

    let model: String
    let text: String
    let contexts: Int
    let contextTokens: Int
    let f32Perplexity: Double
    let formats: [Row]

    static func measure(_ options: QualityOptions, pool: WorkerPool) throws -> QualityReport {
        let (path, file) = (options.model ?? "", options.text ?? "")
        let bundle = try ModelBundle.open(path: path)
        let tokens = bundle.tokenizer.encode(try QualityText.read(file, rows: options.rows), addSpecialTokens: false)
        let whole = min(tokens.count / options.context, options.contexts ?? .max)
        guard whole > 0 else {
            throw CommandError(
                "\(file) has \(tokens.count) tokens, too few for one context of \(options.context); give more text or a smaller --context")
        }
        let contexts = (0..<whole).map { Array(tokens[$0 * options.context..<($0 + 1) * options.context]) }
        let reference = try bundle.load(format: .f32, pool: pool)
        let loras = try AdaptedSets(options, bundle, pool: pool)
        var formats = options.formats.isEmpty ? WeightFormat.allCases.filter { $0 != .f32 } : options.formats
        if loras != nil { formats.insert(.f32, at: 0) }
        var rows: [Row] = []
        var perplexity = 0.0
        for format in formats {
            let model = format == .f32 ? reference : try bundle.load(format: format, pool: pool)
            for (name, set) in loras?.sets(with: format) ?? [("", AdapterSet.none)] {
                let progress = ProgressReporter("resa: reading \(whole) contexts in \(format.rawValue)\(name)")
                let drift = DistributionDrift.measure(
                    model, with: set, against: reference, referenceAdapters: loras?.reference ?? .none, contexts: contexts, pool: pool
                ) { progress.report($0) }
                progress.finish()
                perplexity = drift.referencePerplexity
                rows.append(
                    Row(
                        weights: format.rawValue + name, meanKl: drift.meanKL, medianKl: drift.quantileKL(0.5),
                        p99Kl: drift.quantileKL(0.99), sameTopShare: drift.sameTop, perplexity: drift.perplexity,
                        packedBytes: model.byteCount))
            }
        }
        return QualityReport(
            model: bundle.name, text: file, contexts: whole, contextTokens: options.context, f32Perplexity: perplexity, formats: rows)
    }

    func show() {
        Console.printFacts([
            ("model", model), ("text", "\(contexts) contexts of \(contextTokens) tokens of \(text)"),
            ("f32 perplexity", String(format: "%.3f", f32Perplexity)),
        ])
        Console.printTable(
            ["weights", "mean KL", "median KL", "99 % KL", "same top", "perplexity", "packed"],
            formats.map { row in
                [
                    row.weights, String(format: "%.2e", row.meanKl), String(format: "%.2e", row.medianKl),
                    String(format: "%.2e", row.p99Kl), String(format: "%.1f %%", row.sameTopShare * 100),
                    String(format: "%.3f", row.perplexity), Quantity.bytes(row.packedBytes),
                ]
            })
    }
}

/// One LoRA in every format.
private struct AdaptedSets {
    let reference: AdapterSet
    private let formats: [(AdapterFormat, AdapterSet)]

    /// Nil when the options name none.
    init?(_ options: QualityOptions, _ bundle: ModelBundle, pool: WorkerPool) throws {
        guard let path = options.lora else { return nil }
        let folder = URL(fileURLWithPath: path, isDirectory: true)
        formats = try AdapterFormat.allCases.map { format in
            let lora = try LoRAAdapter.load(
                folder: folder, name: folder.lastPathComponent, digest: format.rawValue, shape: bundle.config.shape, format: format,
                pool: pool)
            return (format, AdapterSet([.lora(lora, scale: 1)]))
        }
        reference = formats.first { $0.0 == .f32 }?.1 ?? AdapterSet.none
    }

    /// What to read with weights of `format`, and its name. With f32 also no LoRA at all, which tells how much it does.
    func sets(with format: WeightFormat) -> [(String, AdapterSet)] {
        let sets = formats.filter { $0.0 != .f32 || format != .f32 }.map { (", LoRA \($0.0.rawValue)", $0.1) }
        return format == .f32 ? [(", no LoRA", AdapterSet.none)] + sets : sets
    }
}

/// The text that `--quality` reads.
enum QualityText {
    static func read(_ path: String, rows: Int?) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else { throw CommandError("cannot read \(path)") }
        let text = String(decoding: data, as: UTF8.self)
        guard path.hasSuffix(".jsonl") else { return text }
        var parts: [String] = []
        for line in text.split(separator: "\n").prefix(rows ?? .max) where !line.allSatisfy(\.isWhitespace) {
            let row = try JSON(parsing: String(line))
            let pairs = [["text"], ["question", "answer"], ["problem", "solution"]]
            guard let keys = pairs.first(where: { row[$0[0]]?.string != nil }) else {
                throw CommandError("row \(parts.count + 1) of \(path) has none of \"text\", \"question\" and \"problem\"")
            }
            parts.append(keys.compactMap { row[$0]?.string }.joined(separator: "\n") + "\n")
        }
        return parts.joined()
    }
}
