import AdapterRegistry
import ArgumentParser
import Evaluation
import Foundation
import JSONText

/// Which problems are asked, and how.
struct EvalProblemOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "JSON lines with problem or question, and answer (GSM8K, MATH-500, AIME, AMC); may be repeated.", valueName: "file"))
    var data: [String]

    @Option(help: "Use this many problems of each data set.")
    var limit: Int?

    @Option(help: "Leave out this many problems at the beginning of each data set.")
    var skip = 0

    @Option(help: "Samples a problem.")
    var samples = 1

    @Option(help: "r1 (the paper's system prompt), boxed, plain, or trigger (SAE-Tuning's text, without the chat template).")
    var prompt = "r1"

    @Option(help: ArgumentHelp("Instead of --prompt: a text with {problem} in it, continued without the chat template.", valueName: "file"))
    var template: String?

    func validate() throws {
        if !(1...1024).contains(samples) { throw ValidationError("--samples is \(samples), but must be from 1 to 1024") }
        if template != nil, prompt != "r1" { throw ValidationError("give either --prompt or --template, not both") }
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit), but must be at least 1") }
        if skip < 0 { throw ValidationError("--skip is \(skip), but must be 0 or more") }
        if PromptStyle(name: prompt) == nil {
            throw ValidationError("--prompt is \(prompt), but must be one of \(PromptStyle.names.joined(separator: ", "))")
        }
    }

    func promptStyle() throws -> PromptStyle {
        guard let template else { return PromptStyle(name: prompt) ?? .r1 }
        let text = try InputFile.text(template)
        guard text.contains("{problem}") else { throw CommandError("\(template) does not hold {problem}") }
        return .template(text)
    }

    func read() throws -> [ProblemSet] {
        var sets: [ProblemSet] = []
        for path in data {
            let set = try ProblemSet.read(path: path).part(skip: skip, count: limit)
            if set.problems.isEmpty { throw CommandError("\(path) has no more than the \(skip) problems that --skip leaves out") }
            if sets.contains(where: { $0.name == set.name }) { throw CommandError("two data sets are named \(set.name)") }
            sets.append(set)
        }
        return sets
    }
}

/// What is compared.
struct EvalAdapterOptions: ParsableArguments {
    @Option(help: "A folder of adapters, one folder each.")
    var adapters: String?

    @Option(
        name: .customLong("adapter"),
        help: ArgumentHelp("Evaluate this adapter, or these together; may be repeated. \(AdapterArgument.form)", valueName: "adapter"))
    var chosen: [String] = []

    @Option(
        help: ArgumentHelp(
            "random=NAME: a random LoRA with the norms of NAME. shuffled=NAME: NAME was tuned with a shuffled SAE. May be repeated; the bare model is always there.",
            valueName: "control"))
    var control: [String] = []

    @Option(help: "Where random controls are written; with --url a folder that the server serves. (default: controls in --output)")
    var controls: String?

    var hasRandomControl: Bool { control.contains { $0.hasPrefix("random=") } }

    /// The bare model, adapters, controls.
    func variants(seed: UInt64) throws -> [EvalVariant] {
        var variants = [EvalVariant(arm: .base)]
        for text in chosen {
            variants.append(EvalVariant(arm: Arm(name: text, role: .adapter), selections: try AdapterArgument.parse([text])))
        }
        for text in control where text != "none" {
            let sides = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard sides.count == 2, !sides[1].isEmpty, ["random", "shuffled"].contains(sides[0]) else {
                throw ValidationError("--control is '\(text)', but must be none, random=NAME or shuffled=NAME")
            }
            if sides[0] == "shuffled" {
                let selections = try AdapterArgument.parse([sides[1]], option: "--control shuffled=")
                variants.append(EvalVariant(arm: Arm(name: sides[1], role: .shuffled), selections: selections))
            } else {
                if adapters == nil { throw ValidationError("--control random=NAME needs --adapters, the folder that NAME lies in") }
                let name = Self.randomName(sides[1], seed)
                variants.append(EvalVariant(arm: Arm(name: name, role: .random(of: sides[1])), selections: [AdapterSelection(name: name)]))
            }
        }
        var names = Set<String>()
        for variant in variants where !names.insert(variant.arm.name).inserted {
            throw ValidationError("'\(variant.arm.name)' is there twice")
        }
        return variants
    }

    private static func randomName(_ name: String, _ seed: UInt64) -> String { "\(name)-random-\(seed)" }

    func writeControls(_ variants: [EvalVariant], to folder: String, seed: UInt64) throws {
        for variant in variants {
            guard case .random(let name) = variant.arm.role, let adapters else { continue }
            guard !name.contains("/"), !name.hasPrefix(".") else { throw CommandError("'\(name)' is no adapter of \(adapters)") }
            let source = URL(fileURLWithPath: adapters, isDirectory: true).appending(path: name)
            try RandomLoRA.write(
                like: source, name: name, to: URL(fileURLWithPath: folder, isDirectory: true).appending(path: variant.arm.name), seed: seed)
        }
    }
}

/// The paper's sampling unless told otherwise.
struct EvalSamplingOptions: ParsableArguments {
    @Option(help: "0 always takes the most likely token.")
    var temperature: Double = 0.6

    @Option(help: "Keep the most likely tokens whose probabilities add up to this.")
    var topP: Double = 0.95

    @Option(help: "Tokens of an answer at most.")
    var maxTokens = 32_768

    @Option(help: "Every answer's seed is made from this, its problem and its sample; the same for all adapters.")
    var seed: UInt64 = 0

    func validate() throws {
        if !(temperature.isFinite && temperature >= 0) { throw ValidationError("--temperature is \(temperature), but must be 0 or more") }
        if !(topP > 0 && topP <= 1) { throw ValidationError("--top-p is \(topP), but must be above 0 and at most 1") }
        if !(1...1 << 24).contains(maxTokens) { throw ValidationError("--max-tokens is \(maxTokens), but must be from 1 to \(1 << 24)") }
    }

    var parameters: EvalSampling { EvalSampling(temperature: temperature, topP: topP, maxTokens: maxTokens) }
}

/// What every answer is drawn with.
struct EvalSampling: Sendable {
    let temperature: Double
    let topP: Double
    let maxTokens: Int

    /// Fields of a request. Those that servers take from the checkpoint's recommendation when a request is silent are said too: in this process
    /// there is nothing but temperature and top-p.
    var fields: JSONObject {
        [
            "temperature": .double(temperature), "top_p": .double(topP), "max_tokens": .int(maxTokens), "top_k": -1, "min_p": 0,
            "repetition_penalty": 1,
        ]
    }

    var settings: [(name: String, value: String)] {
        [("temperature", "\(temperature)"), ("top_p", "\(topP)"), ("max_tokens", "\(maxTokens)")]
    }
}

/// How it runs, and where results go.
struct EvalRunOptions: ParsableArguments {
    @Option(help: "The folder that answers are kept in.")
    var output: String

    @Option(help: "Questions under way at once.")
    var concurrency = 16

    @Option(help: "With --model: positions the context holds. (default: the model's own, at most what --max-tokens needs)")
    var context: Int?

    @Option(
        help:
            "With --model: tokens in the KV cache over all sequences. (default: --concurrency times --context, at most half of the free memory)"
    )
    var kvTokens: Int?

    @Option(help: "Bootstrap resamples.")
    var resamples = 10_000

    @Option(help: "Write the report as JSON; - is standard output, in place of the table.")
    var json: String?

    @Option(help: "Write the report as a page with charts.")
    var svg: String?

    @Flag(help: "Show no progress.")
    var quiet = false

    func validate() throws {
        if !(1...4096).contains(concurrency) { throw ValidationError("--concurrency is \(concurrency), but must be from 1 to 4096") }
        if !(100...1_000_000).contains(resamples) { throw ValidationError("--resamples is \(resamples), but must be from 100 to 1000000") }
        if let context, context < 1 { throw ValidationError("--context is \(context), but must be at least 1") }
        if let kvTokens, kvTokens < 1 { throw ValidationError("--kv-tokens is \(kvTokens), but must be at least 1") }
    }

    func write(_ report: EvaluationReport) throws {
        if let json, json != "-" { try OutputFile.write(try report.json() + "\n", to: json) }
        if let svg { try OutputFile.write(EvaluationPage.svg(report), to: svg) }
        if json == "-" { Console.print(try report.json() + "\n") } else { EvalTable(report).print() }
    }
}
