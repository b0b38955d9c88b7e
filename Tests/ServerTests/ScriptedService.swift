import Synchronization

@testable import AdapterRegistry
@testable import Adapters
@testable import Engine
@testable import Server

/// A model whose tokens are bytes and whose answers are a script. Token 256 is BOS.
final class ScriptedService: InferenceService {
    let model: ServedModel

    struct Log: Sendable {
        var requests: [GenerationRequest] = []
        var resolved: [[AdapterSelection]] = []
        var scored: [ScoreRequest] = []
        var cancelled = 0
    }

    private let answer: ScriptedAnswer
    private let refusal: EngineError?
    /// What happens to each text before it becomes tokens.
    private let encoding: @Sendable (String) -> Void
    /// The text of token ids, where it is not their bytes.
    private let decoding: (@Sendable ([Int32]) -> String)?
    private let renders: @Sendable (ChatPrompt) throws(ChatError) -> String
    /// What changes the adapters that are served instead of the scripted ones.
    private let keeper: AdapterKeeper?
    private let state = Mutex(Log())

    init(
        pieces: [String] = ["Hello", " world"], ending: ScriptedAnswer.Ending = .finishes, refusal: EngineError? = nil,
        keeper: AdapterKeeper? = nil, encoding: @escaping @Sendable (String) -> Void = { _ in },
        decoding: (@Sendable ([Int32]) -> String)? = nil,
        renders: @escaping @Sendable (ChatPrompt) throws(ChatError) -> String = { chat throws(ChatError) in
            "\(chat.messages.count)" + (chat.addsGenerationPrompt ? "|" : "")
        }
    ) {
        answer = ScriptedAnswer(pieces: pieces, ending: ending)
        self.refusal = refusal
        self.renders = renders
        self.encoding = encoding
        self.decoding = decoding
        self.keeper = keeper
        model = ServedModel(
            name: "scripted", fingerprint: "fp_scripted", digest: "sha256:5c", contextLength: 200, vocabSize: 257,
            adaptersMayChange: keeper != nil)
    }

    var log: Log { state.withLock { $0 } }
    var statistics: ServiceStatistics {
        var statistics = ServiceStatistics(engine: EngineStatistics(), adapters: keeper?.registry.statistics ?? AdapterStatistics())
        statistics.engine.waitingRequests = 40
        statistics.engine.secondsPerRequest = 0.3
        return statistics
    }

    func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        encoding(text)
        return (addSpecialTokens ? [256] : []) + text.utf8.map { Int32($0) }
    }

    func decode(_ tokens: [Int32]) -> String {
        decoding?(tokens) ?? String(decoding: tokens.flatMap(bytes(of:)), as: UTF8.self)
    }

    func bytes(of token: Int32) -> [UInt8] { token < 256 ? [UInt8(token)] : Array("<s>".utf8) }

    func render(_ chat: ChatPrompt) throws(ChatError) -> String { try renders(chat) }

    func change(_ change: AdapterChange) async throws(AdapterChangeError) -> AdapterSummary? { try await keeper?.perform(change) }

    func adapters(looksAgain: Bool) async -> [AdapterSummary] { keeper?.registry.list() ?? ScriptedAdapters.all }

    func resolve(_ selections: [AdapterSelection]) async throws(AdapterError) -> ResolvedAdapters {
        state.withLock { $0.resolved.append(selections) }
        return try ScriptedAdapters.resolve(selections)
    }

    func submit(together requests: [GenerationRequest]) throws(EngineError) -> [any AsyncSequence<GenerationEvent, Never> & Sendable] {
        if let refusal { throw refusal }
        return requests.map(submit)
    }

    /// Every variant finds a token as likely as its place in the list says.
    func score(_ request: ScoreRequest) async throws(EngineError) -> [TextScore]? {
        state.withLock { $0.scored.append(request) }
        return request.variants.indices.map { variant in
            TextScore(
                logprobs: request.answer.map { TokenLogprobs(id: $0, logprob: -Float(variant + 1), rank: 1, top: []) },
                divergence: request.answer.map { _ in Double(variant) / 4 }, states: nil)
        }
    }

    private func submit(_ request: GenerationRequest) -> any AsyncSequence<GenerationEvent, Never> & Sendable {
        state.withLock { $0.requests.append(request) }
        let (events, continuation) = AsyncStream.makeStream(of: GenerationEvent.self)
        continuation.onTermination = { [weak self] reason in
            if case .cancelled = reason { self?.state.withLock { $0.cancelled += 1 } }
        }
        let splices = log.resolved.last?.contains { $0.mode == .splice } == true
        Task { [answer] in
            await answer.play(request, splices: splices, to: continuation)
            continuation.finish()
        }
        return events
    }
}
