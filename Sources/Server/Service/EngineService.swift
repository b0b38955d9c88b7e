import AdapterRegistry
import Adapters
import Engine
import Jinja
import Models
import Tokenizers

/// The served model: its bundle, the engine that runs it, and the adapters that go with it.
package struct EngineService: InferenceService {
    package let model: ServedModel
    private let bundle: ModelBundle
    private let engine: Engine
    private let registry: AdapterRegistry
    private let keeper: AdapterKeeper?

    /// - Parameters:
    ///   - name: what requests call the base model.
    ///   - fingerprint: changes when the same request may get other tokens.
    ///   - digest: of the weights' files.
    ///   - keeper: nil when nobody may change what is served.
    package init(
        name: String, fingerprint: String, digest: String?, bundle: ModelBundle, engine: Engine, registry: AdapterRegistry,
        keeper: AdapterKeeper? = nil
    ) {
        model = ServedModel(
            name: name, fingerprint: fingerprint, digest: digest,
            contextLength: min(engine.settings.contextLength, engine.settings.kvTokens), vocabSize: engine.vocabSize,
            sampling: Self.sampling(bundle, vocabSize: engine.vocabSize), adaptersMayChange: keeper != nil)
        self.bundle = bundle
        self.engine = engine
        self.registry = registry
        self.keeper = keeper
    }

    private static func sampling(_ bundle: ModelBundle, vocabSize: Int) -> SamplingParameters {
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

    package func render(_ chat: ChatPrompt) throws(ChatError) -> String {
        guard let templates = bundle.chatTemplates else { throw .noTemplate }
        let template: ChatTemplate
        do {
            template = try templates.choose(named: chat.templateName, hasTools: chat.tools != nil)
        } catch .unusable(let error) {
            throw .unusable(reason: "\(error)")
        } catch .unknown(_, let names) {
            throw .unknownTemplate(names: names)
        } catch {
            throw .noDefault(reason: "\(error)")
        }
        return try chat.prompt(template)
    }

    package func adapters(looksAgain: Bool) async -> [AdapterSummary] {
        if looksAgain { await registry.refresh() }
        return registry.list()
    }

    package func change(_ change: AdapterChange) async throws(AdapterChangeError) -> AdapterSummary? {
        guard let keeper else { throw .forbidden("adapters cannot be changed") }
        return try await keeper.perform(change)
    }

    package var statistics: ServiceStatistics { ServiceStatistics(engine: engine.statistics, adapters: registry.statistics) }

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
