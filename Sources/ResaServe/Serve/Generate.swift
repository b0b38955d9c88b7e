import AdapterRegistry
import Adapters
import ArgumentParser
import Engine
import Foundation
import Terminal
import Texts
import Workbench

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
        try Limits.check([("--max-tokens", maxTokens, 0...), ("--context", context, 1...)])
    }

    func run() async throws {
        let bench = try compute.open(source, serving: context ?? 8192)
        let tokens = try promptTokens(bench)
        let registry = try bench.registry(folder: adapters, store: chosen.isEmpty ? nil : .standard())
        let set = chosen.isEmpty ? AdapterSet.none : try await registry.resolve(AdapterArgument.parse(chosen))

        let config = bench.bundle.config
        let limit = min(context ?? 8192, config.contextLength)
        guard tokens.count < limit || (tokens.count == limit && maxTokens == 0) else {
            throw EngineError.promptTooLong(tokens: tokens.count, limit: limit)
        }
        var stop = StopConditions(maxTokens: maxTokens ?? min(1024, limit - tokens.count))
        (stop.strings, stop.ignoreEOS) = (sampling.stop, sampling.ignoreEos)
        var request = GenerationRequest(
            id: "generate", prompt: tokens, adapters: set, sampling: sampling.parameters(recommended: bench.bundle.recommendedSampling),
            stop: stop)
        request.skipsSpecialTokens = !sampling.showSpecial
        try request.sampling.validate(vocabSize: config.vocabSize)

        let positions = min(limit, tokens.count + stop.maxTokens)
        let engine = try bench.engine(bench.engineSettings(context: positions, batch: 1, kvTokens: positions))
        try await GenerationDisplay.show(try engine.submit(request), applied: set.report)
        await engine.shutdown()
    }

    private func promptTokens(_ bench: Workbench) throws -> [Int32] {
        let tokenizer = bench.bundle.tokenizer
        if chat == nil && messages == nil {
            return tokenizer.encode(try prompt ?? String(decoding: Console.input(), as: UTF8.self))
        }
        let advice = "continue a text with --prompt instead"
        // Before a file of messages is read.
        if bench.bundle.chatTemplates == nil { throw WorkbenchError.noChatTemplate(model: bench.bundle.name, advice: advice) }
        var conversation: Conversation
        if let messages {
            conversation = try Conversation(contents: try InputFile.data(messages), file: messages)
        } else {
            conversation = Conversation(messages: [["role": "user", "content": .string(chat ?? "")]])
            if let system { conversation.messages.insert(["role": "system", "content": .string(system)], at: 0) }
        }
        return try bench.prompt(conversation, orElse: advice)
    }
}
