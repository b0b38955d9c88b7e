import Answering
import ArgumentParser
import Evaluation
import Foundation
import Terminal

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
        try Limits.check([("--samples", samples, 1...1024)])
        if template != nil, prompt != "r1" { throw ValidationError("give either --prompt or --template, not both") }
        try Limits.check([("--limit", limit, 1...), ("--skip", skip, 0...)])
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
        try Limits.check([("--max-tokens", maxTokens, 1...1 << 24)])
    }

    var parameters: AnswerSampling { AnswerSampling(temperature: temperature, topP: topP, maxTokens: maxTokens) }
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
        try Limits.check([("--concurrency", concurrency, 1...4096), ("--resamples", resamples, 100...1_000_000)])
        try Limits.check([("--context", context, 1...), ("--kv-tokens", kvTokens, 1...)])
    }

    var limits: EngineAnswers.Limits {
        var limits = EngineAnswers.Limits()
        (limits.context, limits.kvTokens, limits.concurrency) = (context, kvTokens, concurrency)
        return limits
    }

    func write(_ report: EvaluationReport) throws {
        if let json, json != "-" { try OutputFile.write(try report.json() + "\n", to: json) }
        if let svg { try OutputFile.write(EvaluationPage.svg(report), to: svg) }
        if json == "-" { Console.print(try report.json() + "\n") } else { EvalTable(report).print() }
    }
}
