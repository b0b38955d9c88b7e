import AdapterRegistry
import Adapters
import Engine
import Jinja
import Models
import Tokenizers

/// The served model: its bundle, the engine that runs it, and the adapters that go with it.
package struct EngineService: InferenceService {
    package let modelName: String
    package let fingerprint: String
    package let modelDigest: String?
    private let bundle: ModelBundle
    private let engine: Engine
    private let registry: AdapterRegistry
    package let keeper: AdapterKeeper?

    /// - Parameters:
    ///   - name: what requests call the base model.
    ///   - fingerprint: changes when the same request may get other tokens.
    ///   - digest: of the weights' files.
    ///   - keeper: nil when nobody may change what is served.
    package init(
        name: String, fingerprint: String, digest: String?, bundle: ModelBundle, engine: Engine, registry: AdapterRegistry,
        keeper: AdapterKeeper? = nil
    ) {
        modelName = name
        self.fingerprint = fingerprint
        modelDigest = digest
        self.bundle = bundle
        self.engine = engine
        self.registry = registry
        self.keeper = keeper
    }

    package var contextLength: Int { min(engine.settings.contextLength, engine.settings.kvTokens) }
    package var vocabSize: Int { engine.vocabSize }
    package var statistics: EngineStatistics { engine.statistics }

    package var defaultSampling: SamplingParameters {
        var sampling = SamplingParameters()
        let recommended = bundle.recommendedSampling
        if let value = recommended.temperature { sampling.temperature = value }
        if let value = recommended.topP { sampling.topP = value }
        if let value = recommended.topK { sampling.topK = value }
        if let value = recommended.repetitionPenalty { sampling.repetitionPenalty = value }
        // A recommendation that cannot be followed must not fail requests that never asked for it.
        if (try? sampling.validate(vocabSize: vocabSize)) == nil { return SamplingParameters() }
        return sampling
    }

    package func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        bundle.tokenizer.encode(text, addSpecialTokens: addSpecialTokens)
    }

    package func decode(_ tokens: [Int32]) -> String { bundle.tokenizer.decode(tokens) }
    package func bytes(of token: Int32) -> [UInt8] { bundle.tokenizer.bytes(of: token) }

    package func render(_ chat: ChatPrompt) throws(APIError) -> String {
        guard let templates = bundle.chatTemplates else {
            throw .bad("messages", "the model '\(modelName)' has no chat template; use /v1/completions", code: "no_chat_template")
        }
        let template: ChatTemplate
        do {
            template = try templates.choose(named: chat.templateName, hasTools: chat.tools != nil)
        } catch .unusable(let error) {
            throw .bad(
                "messages", "the chat template of the model '\(modelName)' cannot be used: \(error); use /v1/completions",
                code: "no_chat_template")
        } catch .unknown {
            throw .unsupported(
                "chat_template", "chat_template is not one of the model's templates; it has \(templates.names.joined(separator: ", "))")
        } catch {
            throw .bad("chat_template", "\(error); name one of them as chat_template", code: "no_chat_template")
        }
        return try chat.prompt(template)
    }

    package func adapters() async -> [AdapterSummary] {
        await registry.refresh()
        return registry.list()
    }

    package func adapterNames(likely: [String]) async -> [String] {
        let known = registry.list().map(\.name)
        if likely.contains(where: { known.contains(AdapterReference.canonical($0)) }) { return known }
        await registry.refresh()
        return registry.list().map(\.name)
    }

    package var adapterStatistics: AdapterStatistics { registry.statistics }

    package func resolve(_ selections: [AdapterSelection]) async throws(AdapterError) -> ResolvedAdapters {
        let set = try await registry.resolve(selections)
        return ResolvedAdapters(set: set, applied: set.report, labels: registry.labels(of: selections.map(\.name)))
    }

    package func submit(
        together requests: [GenerationRequest]
    ) throws(EngineError) -> [any AsyncSequence<GenerationEvent, Never> & Sendable] {
        try engine.submit(together: requests)
    }

    package func score(_ request: ScoreRequest) async throws(EngineError) -> [TextScore]? { try await engine.score(request) }
}
