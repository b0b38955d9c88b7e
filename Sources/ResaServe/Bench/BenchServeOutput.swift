import ArgumentParser
import LoadTest
import Measuring
import Terminal

/// Where the report goes.
struct BenchOutputOptions: ParsableArguments {
    @Option(help: "Count the answers within this latency (goodput): ttft=500ms, tpot=50ms or e2e=10s; may be repeated.")
    var slo: [String] = []

    @Option(help: "Write the report as JSON; - is standard output, in place of the table.")
    var json: String?

    @Option(help: "Write the report as a page with charts.")
    var svg: String?

    @Flag(help: "Show no progress.")
    var quiet = false

    /// - Throws: `CommandError` for a file that cannot be written.
    func write(_ report: Report) throws {
        if let json, json != "-" { try OutputFile.write(try report.json() + "\n", to: json) }
        if let svg { try OutputFile.write(ReportPage.svg(report), to: svg) }
        if json == "-" { Console.print(try report.json() + "\n") } else { BenchServeTable(report).print() }
    }
}

/// The report on a terminal.
struct BenchServeTable {
    private let report: Report

    init(_ report: Report) { self.report = report }

    func print() {
        printFacts()
        printLatencies()
        printAdapters()
        printErrors()
    }

    private func printFacts() {
        let (all, scenario) = (report.all, report.scenario)
        let digits = FigureText.digits
        var tokens = "\(digits(all.outputTokensPerSecond))/s (\(all.outputTokens)"
        switch report.tokensFrom {
        case "usage": tokens += ", counted by the server)"
        case "pieces": tokens += " pieces of text: the server counts no tokens)"
        case "both": tokens += ", in part pieces of text: not every answer had a count)"
        default: tokens += ")"
        }
        var requests = "\(all.completed) answered"
        if all.failed > 0 { requests += ", \(all.failed) failed" }
        if all.interrupted > 0 { requests += ", \(all.interrupted) cut off at the end" }
        if all.retries > 0 { requests += ", \(all.retries) retries" }
        let endings: [RunEnding: String] = [.interrupted: ", ended early", .gaveUp: ", gave up"]
        Console.printFacts([
            ("server", "\(scenario.url), \(scenario.endpoint)\(scenario.streams ? ", streaming" : "")"),
            ("model", scenario.model),
            ("load", scenario.arrivals + (scenario.maxInFlight.map { ", at most \($0) in flight" } ?? "")),
            ("prompts", scenario.prompts),
            ("shared prefixes", scenario.sharedPrefix),
            ("time", "\(digits(report.seconds)) s" + (endings[report.ending] ?? "")),
            ("requests", requests),
            ("throughput", "\(digits(all.requestsPerSecond)) requests/s"),
            ("prompt tokens", "\(digits(all.promptTokensPerSecond))/s (\(all.promptTokens))"),
            ("output tokens", tokens),
            ("prefix hits", all.prefixHitShare.map { FigureText.percent($0) + " of the prompt tokens" }),
            ("goodput", all.goodput.map { "\(digits($0.requestsPerSecond)) requests/s, \(FigureText.percent($0.share)) of the requests" }),
        ])
        for objective in all.goodput?.objectives ?? [] {
            let limit = FigureText.milliseconds(objective.limitMs)
            Console.printLine("  \(objective.metric) within \(limit): \(FigureText.percent(objective.share))")
        }
    }

    private func printLatencies() {
        let all = report.all
        let rows = [("TTFT", all.ttft), ("TPOT", all.tpot), ("inter-token", all.interToken), ("end to end", all.e2e)].compactMap {
            name, summary in summary.map { (name, $0) }
        }
        guard !rows.isEmpty else { return }
        Console.printLine("")
        Console.printTable(
            ["latency", "p50", "p90", "p99", "mean", "max"],
            rows.map { name, summary in
                [name] + [summary.p50Ms, summary.p90Ms, summary.p99Ms, summary.meanMs, summary.maxMs].map(FigureText.milliseconds)
            })
    }

    private func printAdapters() {
        guard !report.adapters.isEmpty else { return }
        Console.printLine("")
        func text(_ value: Double?) -> String { value.map(FigureText.milliseconds) ?? "-" }
        Console.printTable(
            ["adapter", "answered", "failed", "TTFT p50", "p99", "TPOT p50", "p99", "end to end p50", "p99", "goodput", "tokens/s"],
            report.adapters.map { group in
                [
                    group.name, "\(group.completed)", "\(group.failed)", text(group.ttft?.p50Ms), text(group.ttft?.p99Ms),
                    text(group.tpot?.p50Ms), text(group.tpot?.p99Ms), text(group.e2e?.p50Ms), text(group.e2e?.p99Ms),
                    group.goodput.map { FigureText.percent($0.share) } ?? "-", FigureText.digits(group.outputTokensPerSecond),
                ]
            })
    }

    private func printErrors() {
        guard !report.all.errors.isEmpty else { return }
        Console.printLine("")
        Console.printTable(["failure", "count", "first message"], report.all.errors.map { [$0.kind, "\($0.count)", $0.example] })
    }
}
