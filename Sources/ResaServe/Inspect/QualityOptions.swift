import ArgumentParser
import Foundation
import Inspection
import Tensors
import Terminal

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
        try Limits.check([("--rows", rows, 1...), ("--context", context, 1...), ("--contexts", contexts, 1...)])
    }

    /// What is to be measured; nil without `--quality`.
    var question: FormatFidelity.Question? {
        guard quality, let text else { return nil }
        var question = FormatFidelity.Question(text: text)
        (question.rows, question.context, question.contexts) = (rows, context, contexts)
        (question.formats, question.lora) = (formats, lora)
        return question
    }
}

extension FormatFidelity {
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
