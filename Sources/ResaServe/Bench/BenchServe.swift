import ArgumentParser
import Foundation
import LoadTest
import Terminal

/// `resa bench serve`: sends load to an OpenAI-compatible server and reports latencies, throughput and goodput.
struct BenchServe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Load an OpenAI-compatible server and report its latencies, throughput and goodput.",
        discussion: """
            Works against resa, vLLM, llama.cpp's server and others. Closed loop with --clients, open loop with --rate. Times are written \
            500ms, 1.5s, 2m or 1h; a bare number is seconds. Ctrl-C ends the test early and still reports what was measured.
            """)

    @Option(help: "Address of the server, such as http://127.0.0.1:8080.")
    var url: String

    @Option(help: "chat or completions.")
    var endpoint = Scenario.Endpoint.chat

    @Option(help: "What to call the model. (default: the first one the server lists)")
    var model: String?

    @Option(help: "Bearer token. OPENAI_API_KEY or RESA_API_KEY set one that the process list does not show.")
    var apiKey: String?

    @Option(help: ArgumentHelp("With https: trust these certificate authorities, in PEM, in place of the system's.", valueName: "file"))
    var caFile: String?

    @OptionGroup(title: "Load")
    var load: BenchLoadOptions

    @OptionGroup(title: "Requests")
    var requests: BenchRequestOptions

    @OptionGroup(title: "Report")
    var output: BenchOutputOptions

    func validate() throws {
        _ = try scenario(prompts: .text("x"))
    }

    func run() async throws {
        let prompts: PromptSource =
            if let path = requests.data { .data(try PromptFile.read(path: path)) } else { requests.writtenPrompts }
        let test = try LoadTest(try scenario(prompts: prompts))
        let display = output.quiet ? nil : BenchDisplay()
        let running = Task { try await test.run { display?.show($0) } }
        let interrupts = InterruptWatcher { running.cancel() }
        defer { interrupts.stop() }
        let report: Report
        do {
            report = try await running.value
        } catch is CancellationError {
            throw CommandError("ended before anything was measured")
        }
        display?.finish()
        try output.write(report)
        try report.check()
        if report.ending == .gaveUp { throw CommandError("gave up: too many requests failed in a row") }
        // As a shell reports a program that Ctrl-C ended.
        if report.ending == .interrupted { throw ExitCode(130) }
    }

    /// - Throws: `ValidationError` for settings that make no sense.
    private func scenario(prompts: PromptSource) throws -> Scenario {
        var scenario = Scenario(url: url)
        scenario.endpoint = endpoint
        scenario.model = model
        let environment = ProcessInfo.processInfo.environment
        scenario.apiKey = [apiKey, environment["OPENAI_API_KEY"], environment["RESA_API_KEY"]].compactMap { $0 }.first { !$0.isEmpty }
        scenario.authorities = caFile
        scenario.prompts = prompts
        do {
            try load.apply(to: &scenario)
            try requests.apply(to: &scenario)
            scenario.objectives = try output.slo.map { text throws(LoadTestError) in try Objective(parsing: text) }
            try scenario.validate()
        } catch {
            throw ValidationError("\(error)")
        }
        return scenario
    }
}

extension Scenario.Endpoint: ExpressibleByArgument {}
