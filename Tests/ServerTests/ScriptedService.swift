import Synchronization

@testable import AdapterRegistry
@testable import Adapters
@testable import Engine
@testable import Server

/// A model whose tokens are bytes and whose answers are a script. Token 256 is BOS.
final class ScriptedService: InferenceService {
    let model: ServedModel

    enum Ending: Sendable {
        case finishes
        /// Goes on until it is cancelled.
        case never
        case fails(EngineError)
    }

    struct Log: Sendable {
        var requests: [GenerationRequest] = []
        var resolved: [[AdapterSelection]] = []
        var scored: [ScoreRequest] = []
        var cancelled = 0
    }

    /// Pieces of text of every answer, one token each; byte 0xF0 and so on may be cut.
    let pieces: [String]
    let ending: Ending
    let refusal: EngineError?
    /// What happens to each text before it becomes tokens.
    let encoding: @Sendable (String) -> Void
    /// The text of token ids, where it is not their bytes.
    let decoding: (@Sendable ([Int32]) -> String)?
    let renders: @Sendable (ChatPrompt) throws(ChatError) -> String
    /// What changes the adapters that are served instead of the scripted ones.
    private let keeper: AdapterKeeper?
    private let state = Mutex(Log())

    init(
        pieces: [String] = ["Hello", " world"], ending: Ending = .finishes, refusal: EngineError? = nil,
        keeper: AdapterKeeper? = nil, encoding: @escaping @Sendable (String) -> Void = { _ in },
        decoding: (@Sendable ([Int32]) -> String)? = nil,
        renders: @escaping @Sendable (ChatPrompt) throws(ChatError) -> String = { chat throws(ChatError) in
            "\(chat.messages.count)" + (chat.addsGenerationPrompt ? "|" : "")
        }
    ) {
        self.pieces = pieces
        self.ending = ending
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

    func adapters(looksAgain: Bool) async -> [AdapterSummary] { keeper?.registry.list() ?? Self.adapters }

    private static let adapters = [
        AdapterSummary(
            name: "math-lora", kind: .lora, digest: "sha256:aa", hookpoints: [], rank: 8, latents: nil, bytes: 100, state: .cold,
            baseModel: "some/base", description: nil, labels: [:], error: nil),
        AdapterSummary(
            name: "r1-sae", kind: .sae, digest: "sha256:bb", hookpoints: [.residual(layer: 12)], rank: nil, latents: 2048, bytes: 200,
            state: .loaded, baseModel: nil, description: nil, labels: ["7": "doubt"], error: nil),
        AdapterSummary(
            name: "torn", kind: nil, digest: nil, hookpoints: [], rank: nil, latents: nil, bytes: 3, state: .broken, baseModel: nil,
            description: nil, labels: [:], error: "adapter_config.json: it is missing"),
    ]

    func resolve(_ selections: [AdapterSelection]) async throws(AdapterError) -> ResolvedAdapters {
        state.withLock { $0.resolved.append(selections) }
        var applied: [AppliedReport] = []
        for selection in selections {
            switch selection.name {
            case "math-lora":
                applied.append(
                    AppliedReport(
                        name: "math-lora", digest: "sha256:aa", kind: .lora, scale: selection.scale ?? 1, hookpoint: nil, mode: nil,
                        edits: [],
                        scope: nil, top: nil))
            case "r1-sae":
                if let layer = selection.layer, layer != 12 {
                    throw .noSuchHookpoint(adapter: "r1-sae", wanted: "at layer \(layer)", has: [.residual(layer: 12)])
                }
                applied.append(
                    AppliedReport(
                        name: "r1-sae", digest: "sha256:bb", kind: .sae, scale: selection.edits.isEmpty ? nil : 1,
                        hookpoint: .residual(layer: 12), mode: selection.mode ?? (selection.edits.isEmpty ? .observe : .edit),
                        edits: selection.edits, scope: selection.scope, top: nil,
                        condition: selection.when.map {
                            AppliedCondition(
                                adapter: $0.adapter ?? "r1-sae", digest: "sha256:bb", hookpoint: .residual(layer: 12), latent: $0.latent,
                                above: $0.above)
                        }))
            case "huge": throw .tooLarge(adapter: "huge", bytes: 9 << 20, limit: 5 << 20)
            case "unlucky": throw .noRoom(adapter: "unlucky", bytes: 3 << 20, used: 2 << 20, pinned: 1 << 20, limit: 5 << 20)
            case "torn": throw .badFile(adapter: "torn", file: "adapter_config.json", problem: "it is missing")
            default: throw .unknown(name: selection.name, near: ["math-lora"])
            }
        }
        return ResolvedAdapters(set: .none, applied: applied, labels: ["r1-sae": LatentLabels(shared: ["7": "doubt"])])
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
        let work = Task {
            await play(request, to: continuation)
            continuation.finish()
        }
        _ = work
        return events
    }

    private func play(_ request: GenerationRequest, to continuation: AsyncStream<GenerationEvent>.Continuation) async {
        continuation.yield(
            .prompt(
                PromptReport(
                    tokens: request.prompt.count, cachedTokens: 3,
                    logprobs: request.promptLogprobs.map { top in
                        [nil] + request.prompt.dropFirst().map { Self.logprobs($0, top: top) }
                    },
                    observations: request.observesPrompt ? [Self.observation(request.prompt[0], 0)] : [])))
        var step = 0
        // The script knows no stop strings.
        var texts = Array(
            repeating: AnswerText(StopConditions(maxTokens: request.stop.maxTokens), tags: request.reasoning), count: request.choices)
        while true {
            for choice in 0..<request.choices where step < min(pieces.count, request.stop.maxTokens) {
                let isReasoning = texts[choice].isReasoning
                var token = token(pieces[step], step, choice, request, text: texts[choice].append(pieces[step]))
                token.isReasoning = isReasoning
                continuation.yield(.token(token))
            }
            step += 1
            if case .never = ending {
                if case .terminated = continuation.yield(.token(token("x", step, 0, request, text: .init(content: "x")))) { return }
                try? await Task.sleep(for: .milliseconds(5))
                continue
            }
            if step >= min(pieces.count, request.stop.maxTokens) { break }
            await Task.yield()
        }
        if case .fails(let error) = ending {
            continuation.yield(.failed(error))
            return
        }
        for choice in 0..<request.choices {
            let cut = request.stop.maxTokens < pieces.count
            var rest = texts[choice].append(cut ? "" : "!")
            rest += texts[choice].finish()
            continuation.yield(
                .finished(
                    FinishReport(
                        choice: choice, text: rest.content, reasoning: rest.reasoning, reason: cut ? .length : .stop, stopString: nil,
                        stopToken: nil,
                        generatedTokens: min(pieces.count, request.stop.maxTokens), splices: splices(choice))))
        }
    }

    /// Of a splice, if one was resolved last: an FVU of 1/2 over three prompt tokens, the first choice's, and over two generated ones.
    private func splices(_ choice: Int) -> [SpliceQuality] {
        guard log.resolved.last?.contains(where: { $0.mode == .splice }) == true else { return [] }
        let shift = Float(choice)
        return [
            SpliceQuality(
                prompt: Self.fit(choice == 0 ? [(0, 0), (1, 0), (2, 2)] : []),
                generated: Self.fit([(shift, shift), (shift + 2, shift + 1)]))
        ]
    }

    private static func fit(_ rows: [(target: Float, reconstruction: Float)]) -> FractionOfVarianceUnexplained {
        let memory = UnsafeMutablePointer<Double>.allocate(capacity: 1)
        defer { memory.deallocate() }
        memory.initialize(to: 0)
        var sums = VarianceSums(width: 1, sums: memory)
        for row in rows { sums.add(target: [row.target], reconstruction: [row.reconstruction]) }
        return FractionOfVarianceUnexplained(sums)
    }

    private func token(
        _ piece: String, _ step: Int, _ choice: Int, _ request: GenerationRequest, text: AnswerText.Piece
    ) -> GeneratedToken {
        let id = Int32(piece.utf8.first ?? 0)
        return GeneratedToken(
            choice: choice, id: id, text: text.content, reasoning: text.reasoning,
            logprobs: request.logprobs.map { Self.logprobs(id, top: $0) },
            observation: request.observesPrompt ? Self.observation(id, step) : nil)
    }

    /// The token is always the second likeliest: 'z' beats it.
    static func logprobs(_ id: Int32, top: Int) -> TokenLogprobs {
        let likely = [TokenLogprobs.Alternative(id: 122, logprob: -0.25), TokenLogprobs.Alternative(id: id, logprob: -1.5)]
        return TokenLogprobs(id: id, logprob: -1.5, rank: 2, top: Array(likely.prefix(top)))
    }

    static func observation(_ token: Int32, _ position: Int) -> TokenObservation {
        TokenObservation(
            token: token, position: position,
            readings: [
                LatentReading(
                    adapter: "r1-sae", hookpoint: .residual(layer: 12), latents: [LatentActivation(latent: 7, activation: 2.5)], fvu: nil)
            ])
    }
}
