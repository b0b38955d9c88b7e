import AdapterRegistry
import Adapters
import Checkpoints
import Engine
import Evaluation
import Foundation
import Jinja
import Models
import Tensors

/// Answers questions in this process, those of all arms in one batch.
final class EvalEngine: EvalSource {
    let name: String
    let settings: [(name: String, value: String)]
    let applied: [(arm: String, applied: String)]
    let engine: Engine
    private let bundle: ModelBundle
    private let template: ChatTemplate?
    private let sets: [String: AdapterSet]
    private let prompt: PromptStyle
    private let sampling: EvalSampling
    private let context: Int

    init(
        model: String, compute: ComputeOptions, variants: [EvalVariant], adapters: String?, controls: String, prompt: PromptStyle,
        sampling: EvalSampling, running: EvalRunOptions, sets problems: [ProblemSet]
    ) async throws {
        bundle = try ModelBundle.open(path: model)
        (name, self.prompt, self.sampling) = (bundle.name, prompt, sampling)
        template = try prompt.isChat ? Self.template(bundle) : nil
        let longest = try Self.longest(problems, bundle, template, prompt)
        let room = min(bundle.config.contextLength, running.context ?? bundle.config.contextLength)
        guard longest < room else { throw EngineError.promptTooLong(tokens: longest, limit: room) }
        context = min(room, longest + sampling.maxTokens)
        let sets = try await Self.resolve(variants, bundle, compute, adapters: adapters, controls: controls)
        self.sets = sets
        applied = variants.map { ($0.arm.name, Self.text(sets[$0.arm.name] ?? AdapterSet.none)) }
        // Of the context only what a longest answer could meet.
        var settings: [(name: String, value: String)] = [
            ("model", bundle.name), ("weights", compute.weights.rawValue), ("kv", compute.kvFormat.rawValue), ("prompt", prompt.summary),
        ]
        if let format = compute.adapterWeights, format != compute.weights.adapterFormat {
            settings.append(("adapter weights", format.rawValue))
        }
        settings += sampling.settings
        if room < longest + sampling.maxTokens { settings.append(("context", "\(room)")) }
        let pool = compute.makePool()
        let loaded = try compute.load(bundle.weights, pool: pool)
        settings.append(("model digest", try compute.digest(of: bundle.weights, pool: pool)))
        settings.append(("prompt digest", try Self.digest(bundle, template, prompt)))
        self.settings = settings

        let affordable = MachineProbe.memoryAvailable / 2 / bundle.config.kvBytesPerToken(compute.kvFormat)
        var limits = EngineSettings(
            contextLength: context, kvTokens: running.kvTokens ?? max(context, min(running.concurrency * context, affordable)))
        limits.maxBatch = running.concurrency
        limits.queueLimit = max(limits.queueLimit, running.concurrency)
        limits.kvFormat = compute.kvFormat
        engine = Engine(model: loaded, tokenizer: bundle.tokenizer, settings: limits, pool: pool)
    }

    private static func template(_ bundle: ModelBundle) throws -> ChatTemplate {
        guard let template = bundle.chatTemplate else {
            throw CommandError("\(bundle.name) has no chat template; use --prompt trigger or --template instead")
        }
        do {
            return try template.get()
        } catch {
            throw CommandError("the chat template of \(bundle.name) cannot be used: \(error); use --prompt trigger or --template instead")
        }
    }

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
        _ variants: [EvalVariant], _ bundle: ModelBundle, _ compute: ComputeOptions, adapters: String?, controls: String
    ) async throws -> [String: AdapterSet] {
        func registry(_ folder: String?, store: AdapterStore?) throws -> AdapterRegistry {
            try AdapterRegistry(
                folder: folder.map { URL(fileURLWithPath: $0, isDirectory: true) }, store: store, shape: bundle.config.shape,
                format: compute.weights, adapterFormat: compute.adapterWeights, base: bundle.weights.projections, baseName: bundle.name)
        }
        var sets: [String: AdapterSet] = [:]
        var given: AdapterRegistry?
        var made: AdapterRegistry?
        for variant in variants {
            let selections = variant.selections
            guard !selections.isEmpty else { continue }
            if case .random = variant.arm.role {
                made = try made ?? registry(controls, store: nil)
                sets[variant.arm.name] = try await made?.resolve(selections)
            } else {
                given = try given ?? registry(adapters, store: .standard())
                sets[variant.arm.name] = try await given?.resolve(selections)
            }
        }
        return sets
    }

    /// What a set applies, by digest: its parameters are in the arm's name.
    private static func text(_ set: AdapterSet) -> String {
        set.report.map { "\($0.name) \($0.digest)" }.joined(separator: ", ")
    }

    func answer(_ question: Question) async throws -> ModelAnswer {
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
