import Answering
import ArgumentParser
import Evaluation
import Foundation
import Terminal
import Workbench

/// `resa eval`: pass@1 of a model and of adapters on it, with statistics and controls.
struct Eval: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge adapters on mathematical problems: pass@1 with errors, paired tests and controls.",
        discussion: """
            Asks every problem of every --data with every --adapter and without, --samples times each, in this process (--model) or of a \
            running server (--url). Answers are kept in --output; the same command goes on where an earlier one ended. Adapters are \
            compared with the bare model on the same problems and seeds.
            """)

    @Option(help: "Evaluate in this process: a Hugging Face folder or a .gguf file.")
    var model: String?

    @OptionGroup var compute: ComputeOptions

    @Option(help: "Evaluate a running server, such as http://127.0.0.1:8080.")
    var url: String?

    @Option(help: "With --url: what to call the model. (default: the first one the server lists)")
    var served: String?

    @Option(help: "With --url: bearer token. OPENAI_API_KEY or RESA_API_KEY set one that the process list does not show.")
    var apiKey: String?

    @Option(
        help: ArgumentHelp(
            "With --url https://...: trust these certificate authorities, in PEM, in place of the system's.", valueName: "file"))
    var caFile: String?

    @OptionGroup(title: "Problems") var problems: EvalProblemOptions
    @OptionGroup(title: "Adapters") var variants: EvalAdapterOptions
    @OptionGroup(title: "Sampling") var sampling: EvalSamplingOptions
    @OptionGroup(title: "Run") var running: EvalRunOptions

    func validate() throws {
        if (model == nil) == (url == nil) { throw ValidationError("give one of --model and --url") }
        try CompanionOptions.check(
            url != nil, "--url", [("--served", served != nil), ("--api-key", apiKey != nil), ("--ca-file", caFile != nil)])
        try CompanionOptions.check(
            model != nil, "--model: a server computes as it was started",
            compute.given + [("--context", running.context != nil), ("--kv-tokens", running.kvTokens != nil)])
        try CompanionOptions.check(variants.hasRandomControl, "--control random=NAME", [("--controls", variants.controls != nil)])
        try CompanionOptions.check(
            model != nil || variants.hasRandomControl, "--model or --control random=NAME: a server has its own",
            [("--adapters", variants.adapters != nil)])
        let arms = try variants.variants(seed: sampling.seed)
        try CompanionOptions.check(
            arms.count > 1, "--adapter or --control",
            [("--adapters", variants.adapters != nil), ("--adapter-weights", compute.adapterWeights != nil)])
        if url != nil, variants.hasRandomControl, variants.controls == nil {
            throw ValidationError("a random control of a server's adapter needs --controls, a folder of adapters that the server serves")
        }
    }

    func run() async throws {
        let sets = try problems.read()
        let variants = try self.variants.variants(seed: sampling.seed)
        let controls = self.variants.controls ?? running.output + "/controls"
        if let adapters = self.variants.adapters {
            try RandomLoRA.write(controls: variants.map(\.arm), of: adapters, to: controls, seed: sampling.seed)
        }
        let plan = EvaluationRun.Plan(
            sets: sets, arms: variants.map(\.arm), samples: problems.samples, seed: sampling.seed, concurrency: running.concurrency)
        if let url {
            let source = try await ServerAnswers(
                url: url, apiKey: apiKey, authorities: caFile, model: served, variants: variants, prompt: try problems.promptStyle(),
                sampling: sampling.parameters, connections: running.concurrency)
            try await evaluate(plan, source)
        } else if let model {
            let bench = try Workbench(model: model, compute.settings, watcher: TerminalWatcher())
            let source = try await EngineAnswers(
                on: bench, variants: variants, adapters: self.variants.adapters, controls: controls, prompt: try problems.promptStyle(),
                sampling: sampling.parameters, limits: running.limits, sets: sets)
            try await evaluate(plan, source)
        }
    }

    /// Runs what is missing and reports on what is there.
    private func evaluate(_ plan: EvaluationRun.Plan, _ source: some ComparableSource) async throws {
        let (model, settings) = (source.model, source.settings)
        let run: EvaluationRun
        do {
            run = try EvaluationRun(plan: plan, folder: running.output, settings: settings)
            for (arm, applied) in source.applied { try run.check(arm: arm, applied: applied) }
        } catch {
            await source.finish()
            throw error
        }
        let asking = Task { try await run.run(source) }
        let interrupts = InterruptWatcher { asking.cancel() }
        defer { interrupts.stop() }
        let label = "resa eval: \(model)"
        let quiet = running.quiet
        let display = Task {
            let reporter = ProgressReporter(label, count: run.progress.questions)
            while !Task.isCancelled, !quiet {
                let progress = run.progress
                reporter.update(count: progress.found)
                if progress.answered > 0 {
                    reporter.note = String(format: "%.1f %% right", 100 * Double(progress.correct) / Double(progress.answered))
                }
                reporter.report(Double(progress.answered) / Double(max(1, progress.questions)))
                try? await Task.sleep(for: .milliseconds(250))
            }
            if !quiet { reporter.breakOff() }
        }
        let result = await asking.result
        display.cancel()
        await display.value
        await source.finish()
        let report = EvaluationReport(
            model: model, plan: plan, scores: run.scores, settings: settings + [(name: "seed", value: "\(plan.seed)")],
            resamples: running.resamples)
        // What was answered is reported whatever ended the run.
        try running.write(report)
        try result.get()
        let progress = run.progress
        if progress.failed > 0 {
            throw CommandError(
                "\(progress.failed) requests failed, the first with: \(run.failureExample ?? ""); run the same command again to ask once more"
            )
        }
        if progress.answered < progress.questions {
            Console.note("resa: \(progress.answered) of \(progress.questions) answers; the same command goes on from here\n")
            throw ExitCode(130)
        }
    }
}
