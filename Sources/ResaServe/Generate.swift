import AdapterRegistry
import Adapters
import ArgumentParser
import Engine
import Foundation
import Jinja
import Models
import Tensors

/// `resa generate`: one answer on the terminal.
struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue a prompt, or answer a question, with adapters or without.",
        discussion: """
            Streams the text to standard output; what was applied and how fast it was goes to standard error. Without --prompt, --chat or \
            --messages the prompt is read from standard input.
            """)

    @OptionGroup var source: ModelOptions
    @OptionGroup var compute: ComputeOptions

    @Option(help: "Continue this text.")
    var prompt: String?

    @Option(help: "Answer this question, through the model's chat template.")
    var chat: String?

    @Option(help: "With --chat: what the system message says.")
    var system: String?

    @Option(help: ArgumentHelp("Answer these messages: JSON as for resa render, - for standard input.", valueName: "file"))
    var messages: String?

    @Option(help: "A folder of adapters, one folder each.")
    var adapters: String?

    @Option(
        name: .customLong("adapter"),
        help: ArgumentHelp("Apply this adapter; may be repeated. \(AdapterArgument.form)", valueName: "adapter"))
    var chosen: [String] = []

    @Option(help: "Tokens to generate at most. (default: what the context leaves, at most 1024)")
    var maxTokens: Int?

    @Option(help: "Positions the context holds. (default: the model's own, at most 8192)")
    var context: Int?

    @OptionGroup(title: "Sampling") var sampling: SamplingOptions

    func validate() throws {
        let given = [prompt != nil, chat != nil, messages != nil].filter { $0 }.count
        if given > 1 { throw ValidationError("give only one of --prompt, --chat and --messages") }
        if system != nil && chat == nil { throw ValidationError("--system goes with --chat") }
        try CompanionOptions.check(
            !chosen.isEmpty, "--adapter", [("--adapters", adapters != nil), ("--adapter-weights", compute.adapterWeights != nil)])
        _ = try AdapterArgument.parse(chosen)
        if let maxTokens, maxTokens < 0 { throw ValidationError("--max-tokens is \(maxTokens), but must be 0 or more") }
        if let context, context < 1 { throw ValidationError("--context is \(context), but must be at least 1") }
    }

    func run() async throws {
        let bundle = try ModelBundle.open(path: source.model)
        let tokens = try promptTokens(bundle)
        let registry = try AdapterRegistry(
            folder: adapters.map { URL(fileURLWithPath: $0, isDirectory: true) }, store: chosen.isEmpty ? nil : .standard(),
            shape: bundle.config.shape, format: compute.weights, adapterFormat: compute.adapterWeights, base: bundle.weights.projections,
            baseName: bundle.name)
        let set = chosen.isEmpty ? AdapterSet.none : try await registry.resolve(AdapterArgument.parse(chosen))

        let limit = min(context ?? 8192, bundle.config.contextLength)
        guard tokens.count < limit || (tokens.count == limit && maxTokens == 0) else {
            throw EngineError.promptTooLong(tokens: tokens.count, limit: limit)
        }
        var stop = StopConditions(maxTokens: maxTokens ?? min(1024, limit - tokens.count))
        (stop.strings, stop.ignoreEOS) = (sampling.stop, sampling.ignoreEos)
        var request = GenerationRequest(
            id: "generate", prompt: tokens, adapters: set, sampling: sampling.parameters(recommended: bundle.recommendedSampling),
            stop: stop)
        request.skipsSpecialTokens = !sampling.showSpecial
        try request.sampling.validate(vocabSize: bundle.config.vocabSize)

        let engine = try makeEngine(bundle, positions: min(limit, tokens.count + stop.maxTokens))
        try await stream(try engine.submit(request), applied: set.report)
        await engine.shutdown()
    }

    private func promptTokens(_ bundle: ModelBundle) throws -> [Int32] {
        if chat == nil && messages == nil {
            let text = try prompt ?? String(decoding: Console.input(), as: UTF8.self)
            return bundle.tokenizer.encode(text)
        }
        guard let templates = bundle.chatTemplates else {
            throw CommandError("\(bundle.name) has no chat template; continue a text with --prompt instead")
        }
        var conversation: Conversation
        if let messages {
            conversation = try Conversation(file: messages)
        } else {
            conversation = Conversation(messages: [["role": "user", "content": .string(chat ?? "")]])
            if let system { conversation.messages.insert(["role": "system", "content": .string(system)], at: 0) }
        }
        let template: ChatTemplate
        do {
            template = try templates.choose(hasTools: conversation.tools != nil)
        } catch {
            throw CommandError("the chat template of \(bundle.name) cannot be used: \(error); continue a text with --prompt instead")
        }
        let text = try template.render(
            messages: conversation.messages, tools: conversation.tools, addGenerationPrompt: true, extra: conversation.extra)
        // The template has written the special tokens itself.
        return bundle.tokenizer.encode(text, addSpecialTokens: false)
    }

    private func makeEngine(_ bundle: ModelBundle, positions: Int) throws -> Engine {
        let pool = compute.makePool()
        let model = try compute.load(bundle.weights, pool: pool)
        var settings = EngineSettings(contextLength: positions, kvTokens: positions)
        settings.maxBatch = 1
        settings.kvFormat = compute.kvFormat
        return Engine(model: model, tokenizer: bundle.tokenizer, settings: settings, pool: pool)
    }

    private func stream(_ events: GenerationStream, applied: [AppliedReport]) async throws {
        let start = ContinuousClock.now
        var firstToken: ContinuousClock.Instant?
        var promptCount = 0
        var observed: [String] = []
        var wasNewline = true
        func show(_ text: String) {
            guard !text.isEmpty else { return }
            Console.print(text)
            wasNewline = text.hasSuffix("\n")
        }
        for await event in events {
            switch event {
            case .prompt(let report): promptCount = report.tokens
            case .token(let token):
                firstToken = firstToken ?? ContinuousClock.now
                show(token.text)
                if let observation = token.observation { observed.append(Self.line(token, observation)) }
            case .finished(let report):
                show(report.text)
                if !wasNewline { Console.print("\n") }
                for line in observed { Console.note(line + "\n") }
                var splices = report.splices[...]
                for adapter in applied {
                    let fit = adapter.mode == .splice ? splices.popFirst().map(Self.text) ?? "" : ""
                    Console.note("resa: applied \(Self.text(adapter))\(fit)\n")
                }
                Console.note("resa: \(summary(promptCount, report, start, firstToken))\n")
            case .failed(let error): throw error
            }
        }
    }

    private func summary(
        _ prompt: Int, _ report: FinishReport, _ start: ContinuousClock.Instant, _ first: ContinuousClock.Instant?
    ) -> String {
        let end = ContinuousClock.now
        var text = "\(prompt) prompt tokens, \(report.generatedTokens) generated, ended by \(report.reason.rawValue)"
        if let first {
            text += String(format: ", first after %.2f s", (first - start).inSeconds)
            let seconds = (end - first).inSeconds
            if report.generatedTokens > 1, seconds > 0 {
                text += String(format: ", then %.1f tokens/s", Double(report.generatedTokens - 1) / seconds)
            }
        }
        return text
    }

    /// What interventions read where a token was predicted.
    private static func line(_ token: GeneratedToken, _ observation: TokenObservation) -> String {
        let readings = observation.readings.map { reading in
            let latents = reading.latents.map { "\($0.latent):" + String(format: "%.3g", $0.activation) }.joined(separator: " ")
            let fvu = reading.fvu.map { String(format: " FVU %.3f", $0) } ?? ""
            return "\(reading.adapter) \(reading.hookpoint) \(latents)\(fvu)"
        }
        return "\(token.text.debugDescription)\t\(readings.joined(separator: "; "))"
    }

    private static func text(_ splice: SpliceQuality) -> String {
        func part(_ name: String, _ fit: FractionOfVarianceUnexplained) -> String {
            fit.value.map { String(format: ", FVU of \(fit.rows) \(name) tokens %.3f", $0) } ?? ""
        }
        return part("prompt", splice.prompt) + part("generated", splice.generated)
    }

    private static func text(_ report: AppliedReport) -> String {
        var parts = ["\(report.name) (\(report.kind.rawValue), \(report.digest.prefix(19)))"]
        if let hookpoint = report.hookpoint { parts.append("at \(hookpoint)") }
        if let mode = report.mode { parts.append(mode.rawValue) }
        if let scale = report.scale { parts.append("scale \(scale)") }
        if let condition = report.condition {
            parts.append("when latent \(condition.latent) of \(condition.adapter) at \(condition.hookpoint) is above \(condition.above)")
        }
        parts += report.edits.map { "\($0.op.rawValue) latent \($0.latent)\($0.op == .ablate ? "" : " \($0.value)")" }
        return parts.joined(separator: ", ")
    }
}

/// How tokens are chosen, and when to stop.
struct SamplingOptions: ParsableArguments {
    @Option(help: "0 always takes the most likely token. (default: the model's recommendation, or 1)")
    var temperature: Float?

    @Option(help: "Keep the most likely tokens whose probabilities add up to this.")
    var topP: Float?

    @Option(help: "Keep this many most likely tokens; 0 keeps all.")
    var topK: Int?

    @Option(help: "Keep tokens at least this fraction as likely as the most likely one.")
    var minP: Float = 0

    @Option(help: "Divide the logits of tokens seen before by this.")
    var repetitionPenalty: Float?

    @Option(help: "Subtract this from the logits of tokens generated before.")
    var presencePenalty: Float = 0

    @Option(help: "Subtract this per earlier use from the logits of tokens generated before.")
    var frequencyPenalty: Float = 0

    @Option(help: "The same seed gives the same answer.")
    var seed: UInt64?

    @Option(parsing: .singleValue, help: "End before this text; may be repeated.")
    var stop: [String] = []

    @Flag(help: "Go on after an end-of-sequence token.")
    var ignoreEos = false

    @Flag(help: "Show special tokens in the text.")
    var showSpecial = false

    func parameters(recommended: RecommendedSampling) -> SamplingParameters {
        var parameters = SamplingParameters()
        parameters.temperature = temperature ?? recommended.temperature ?? 1
        parameters.topP = topP ?? recommended.topP ?? 1
        parameters.topK = topK ?? recommended.topK ?? 0
        parameters.minP = minP
        parameters.repetitionPenalty = repetitionPenalty ?? recommended.repetitionPenalty ?? 1
        parameters.presencePenalty = presencePenalty
        parameters.frequencyPenalty = frequencyPenalty
        parameters.seed = seed
        return parameters
    }
}
