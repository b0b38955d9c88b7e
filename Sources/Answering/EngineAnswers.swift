import AdapterRegistry
import Adapters
import Checkpoints
import Engine
import Evaluation
import Jinja
import Models
import Workbench

/// Answers of an engine in this process, those of all arms in one batch.
package final class EngineAnswers: ComparableSource {
    /// How much is computed at once.
    package struct Limits {
        /// Positions of a sequence; nil for the model's own.
        package var context: Int?
        /// Tokens in the KV cache; nil for what the questions under way can need, at most half of the memory that is free.
        package var kvTokens: Int?
        package var concurrency = 16

        package init() {}
    }

    package let model: String
    package let settings: [(name: String, value: String)]
    package let applied: [(arm: String, applied: String)]
    private let engine: Engine
    private let bundle: ModelBundle
    private let template: ChatTemplate?
    private let sets: [String: AdapterSet]
    private let prompt: PromptStyle
    private let sampling: AnswerSampling
    private let context: Int

    /// - Parameters:
    ///   - adapters: the folder that variants are found in before the store; nil for the store alone.
    ///   - controls: the folder of random controls.
    ///   - sets: problems that will be asked: no prompt is longer than theirs.
    /// - Throws: `EngineError.promptTooLong`, `AdapterError`, `WorkbenchError`, and what opening the model throws.
    package init(
        on bench: Workbench, variants: [Variant], adapters: String?, controls: String, prompt: PromptStyle, sampling: AnswerSampling,
        limits: Limits, sets problems: [ProblemSet]
    ) async throws {
        bundle = bench.bundle
        (model, self.prompt, self.sampling) = (bundle.name, prompt, sampling)
        template = prompt.isChat ? try bench.chatTemplate(orElse: "use --prompt trigger or --template instead") : nil
        let longest = try Self.longest(problems, bundle, template, prompt)
        let room = min(bundle.config.contextLength, limits.context ?? bundle.config.contextLength)
        guard longest < room else { throw EngineError.promptTooLong(tokens: longest, limit: room) }
        context = min(room, longest + sampling.maxTokens)
        let sets = try await Self.resolve(variants, bench, adapters: adapters, controls: controls)
        self.sets = sets
        applied = variants.map { ($0.arm.name, Self.text(sets[$0.arm.name] ?? AdapterSet.none)) }
        // Of the context only what a longest answer could meet.
        let held = bench.settings
        var settings: [(name: String, value: String)] = [
            ("model", bundle.name), ("weights", held.weights.rawValue), ("kv", held.kvFormat.rawValue), ("prompt", prompt.summary),
        ]
        if held.adapterFormat != held.weights.adapterFormat { settings.append(("adapter weights", held.adapterFormat.rawValue)) }
        settings += sampling.settings
        if room < longest + sampling.maxTokens { settings.append(("context", "\(room)")) }
        _ = try bench.model()
        settings.append(("model digest", try bench.digest()))
        settings.append(("prompt digest", try Self.digest(bundle, template, prompt)))
        self.settings = settings
        var shares = bench.engineSettings(context: context, batch: limits.concurrency, kvTokens: limits.kvTokens)
        shares.queueLimit = max(shares.queueLimit, limits.concurrency)
        engine = try bench.engine(shares)
    }

    package func finish() async { await engine.shutdown() }

    /// Tokens of the longest prompt.
    private static func longest(
        _ sets: [ProblemSet], _ bundle: ModelBundle, _ template: ChatTemplate?, _ prompt: PromptStyle
    ) throws -> Int {
        var longest = 0
        for set in sets {
            for problem in set.problems { longest = max(longest, try tokens(problem, bundle, template, prompt).count) }
        }
        return longest
    }

    /// Of what the model reads of a fixed problem: tells tokenizers and chat templates apart.
    private static func digest(_ bundle: ModelBundle, _ template: ChatTemplate?, _ prompt: PromptStyle) throws -> String {
        let problem = Problem(id: "", question: "What is 12 + 30?", gold: "42")
        return try tokens(problem, bundle, template, prompt).withUnsafeBytes { "sha256:\(ContentDigest(bytes: $0))" }
    }

    private static func tokens(
        _ problem: Problem, _ bundle: ModelBundle, _ template: ChatTemplate?, _ prompt: PromptStyle
    ) throws -> [Int32] {
        switch prompt.prompt(for: problem.question) {
        case .text(let text): return bundle.tokenizer.encode(text)
        case .chat(let system, let user):
            guard let template else { return [] }
            var messages: [Value] = [["role": "user", "content": .string(user)]]
            if let system { messages.insert(["role": "system", "content": .string(system)], at: 0) }
            // The template has written the special tokens itself.
            return bundle.tokenizer.encode(try template.render(messages: messages, addGenerationPrompt: true), addSpecialTokens: false)
        }
    }

    private static func resolve(
        _ variants: [Variant], _ bench: Workbench, adapters: String?, controls: String
    ) async throws -> [String: AdapterSet] {
        var sets: [String: AdapterSet] = [:]
        var given: AdapterRegistry?
        var made: AdapterRegistry?
        for variant in variants where !variant.selections.isEmpty {
            if case .random = variant.arm.role {
                made = try made ?? bench.registry(folder: controls, store: nil)
                sets[variant.arm.name] = try await made?.resolve(variant.selections)
            } else {
                given = try given ?? bench.registry(folder: adapters, store: .standard())
                sets[variant.arm.name] = try await given?.resolve(variant.selections)
            }
        }
        return sets
    }

    /// What a set applies, by digest: its parameters are in the arm's name.
    private static func text(_ set: AdapterSet) -> String {
        set.report.map { "\($0.name) \($0.digest)" }.joined(separator: ", ")
    }

    package func answer(_ question: Question) async throws -> ModelAnswer {
        let tokens = try Self.tokens(question.problem, bundle, template, prompt)
        let set = sets[question.arm.name] ?? AdapterSet.none
        var request = GenerationRequest(
            id: "\(question.data) \(question.problem.id) \(question.sample) \(question.arm.name)", prompt: tokens, adapters: set,
            stop: StopConditions(maxTokens: min(sampling.maxTokens, context - tokens.count)))
        request.sampling.temperature = Float(sampling.temperature)
        request.sampling.topP = Float(sampling.topP)
        request.sampling.seed = question.seed
        var text = ""
        var finished: FinishReport?
        for await event in try engine.submit(request) {
            switch event {
            case .prompt: break
            case .token(let token): text += token.text
            case .finished(let report):
                text += report.text
                finished = report
            case .failed(let error): throw error
            }
        }
        guard let finished, finished.reason != .cancelled, !Task.isCancelled else { throw CancellationError() }
        return ModelAnswer(text: text, finish: finished.reason.rawValue, tokens: finished.generatedTokens, applied: Self.text(set))
    }
}
