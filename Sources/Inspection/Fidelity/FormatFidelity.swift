import Adapters
import Foundation
import Models
import Tensors
import Texts
import Workbench

/// What packing a model's weights, or a LoRA's, costs in fidelity against the same model in f32.
package struct FormatFidelity: Encodable {
    /// What is measured on what text.
    package struct Question {
        /// A text file, see `TextFile`.
        package var text: String
        /// Rows of a `.jsonl` file; nil for all.
        package var rows: Int?
        /// Tokens of a context.
        package var context = 512
        /// Read at most; nil for all.
        package var contexts: Int?
        /// Of the weights; empty for every one but f32.
        package var formats: [WeightFormat] = []
        /// A PEFT folder: then formats of that LoRA are measured, with weights in f32 and in each format, against both in f32.
        package var lora: String?

        package init(text: String) { self.text = text }
    }

    package struct Row: Encodable {
        package let weights: String
        package let meanKl: Double
        package let medianKl: Double
        package let p99Kl: Double
        package let sameTopShare: Double
        package let perplexity: Double
        package let packedBytes: Int
    }

    package let model: String
    package let text: String
    package let contexts: Int
    package let contextTokens: Int
    package let f32Perplexity: Double
    package let formats: [Row]

    /// - Throws: `InspectionError` for a text that is too short, and what opening text, model and LoRA throws.
    package init(_ question: Question, on bench: Workbench) throws {
        let (bundle, pool) = (bench.bundle, bench.pool)
        let tokens = bundle.tokenizer.encode(try TextFile.read(question.text, rows: question.rows), addSpecialTokens: false)
        let whole = min(tokens.count / question.context, question.contexts ?? .max)
        guard whole > 0 else {
            throw InspectionError.tooLittleText(
                source: question.text, tokens: tokens.count,
                advice: "for one context of \(question.context); give more text or a smaller --context")
        }
        let contexts = (0..<whole).map { Array(tokens[$0 * question.context..<($0 + 1) * question.context]) }
        let reference = try bench.model(in: .f32)
        let loras = try question.lora.map { try LoRAFormats(URL(fileURLWithPath: $0, isDirectory: true), bundle, pool: pool) }
        var formats = question.formats.isEmpty ? WeightFormat.allCases.filter { $0 != .f32 } : question.formats
        if loras != nil { formats.insert(.f32, at: 0) }
        var rows: [Row] = []
        var perplexity = 0.0
        for format in formats {
            let model = format == .f32 ? reference : try bench.model(in: format)
            for (name, set) in loras?.sets(with: format) ?? [("", AdapterSet.none)] {
                let drift = bench.watcher.watch("resa: reading \(whole) contexts in \(format.rawValue)\(name)") { report in
                    DistributionDrift.measure(
                        model, with: set, against: reference, referenceAdapters: loras?.reference ?? .none, contexts: contexts, pool: pool,
                        progress: report)
                }
                perplexity = drift.referencePerplexity
                rows.append(
                    Row(
                        weights: format.rawValue + name, meanKl: drift.meanKL, medianKl: drift.quantileKL(0.5),
                        p99Kl: drift.quantileKL(0.99), sameTopShare: drift.sameTop, perplexity: drift.perplexity,
                        packedBytes: model.byteCount))
            }
        }
        (model, text, self.contexts, contextTokens) = (bundle.name, question.text, whole, question.context)
        (f32Perplexity, self.formats) = (perplexity, rows)
    }
}

/// One LoRA in every format.
private struct LoRAFormats {
    let reference: AdapterSet
    private let formats: [(AdapterFormat, AdapterSet)]

    init(_ folder: URL, _ bundle: ModelBundle, pool: WorkerPool) throws {
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
