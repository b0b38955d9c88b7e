import Adapters
import Models
import Tensors
import Tokenizers

/// One continuation of one prompt: its tokens, its place in the KV cache, and what turns tokens into text.
/// Confined to the engine thread.
final class Sequence {
    let group: ChoiceGroup
    let choice: Int
    /// What the steps work on; valid for as long as the sequence lives.
    let state: SequenceHandle
    /// Where it lies, and what it points to.
    private let stored: Box<SequenceState>
    private let tokens: AlignedBuffer<Int32>
    private let blocks: AlignedBuffer<Int32>
    private let hashes: AlignedBuffer<UInt64>
    private let insideThink: AlignedBuffer<Bool>
    private let sampler: Box<Sampler>

    /// Choices that begin when this one has read the prompt they share.
    var pendingChoices = 0
    private(set) var isFinished = false
    private(set) var isCancelled = false

    /// Prompt tokens that the prefix cache had when the sequence first ran; nil before.
    var cachedTokens: Int?
    private(set) var hasReportedPrompt = false
    /// By position.
    private var promptLogprobs: [TokenLogprobs?] = []
    /// What a scored sequence gathers.
    let scorer: TextScorer?
    private var promptObservations: [TokenObservation] = []
    /// Of the token appended last, when asked for.
    var newestLogprobs: TokenLogprobs?
    /// Generated tokens that fairness has taken into account.
    var chargedTokens = 0

    /// How well splices reconstruct; nil when there is none.
    private let fits: SpliceFits?
    private var detokenizer: StreamingDetokenizer
    private var text: AnswerText

    init(group: ChoiceGroup, choice: Int, admission: Int, adapterKey: Int32, tokenizer: Tokenizer) {
        self.group = group
        self.choice = choice
        let request = group.ticket.request
        scorer = request.scoring.map { TextScorer($0, tokens: request.prompt.count) }
        let capacity = request.prompt.count + request.stop.maxTokens
        tokens = AlignedBuffer(count: capacity)
        for (index, token) in request.prompt.enumerated() { tokens[index] = token }
        blocks = AlignedBuffer(count: KVBlock.count(tokens: capacity))
        hashes = AlignedBuffer(count: blocks.count)
        sampler = Box(
            Sampler(
                request.sampling, seed: group.ticket.seed, choice: choice, prompt: request.prompt, maxTokens: request.stop.maxTokens))
        fits = SpliceFits(request.adapters)
        let tags = request.adapters.readsThink ? ThinkTags(tokenizer) : nil
        insideThink = AlignedBuffer(count: tags == nil ? 0 : capacity)
        stored = Box(
            SequenceState(
                tokens: tokens.pointer, tokenCount: request.prompt.count, promptLength: request.prompt.count,
                maxTokens: request.stop.maxTokens,
                blocks: blocks.pointer, hashes: hashes.pointer, adapterKey: adapterKey,
                distinguishesPrompt: request.adapters.distinguishesPrompt,
                promptLengthForAdapters: request.scoring?.from ?? request.prompt.count,
                insideThink: tags == nil ? nil : insideThink.pointer, thinkTags: tags ?? ThinkTags(open: -1, close: -1),
                spliceFits: fits?.pointer, sharedLayers: request.adapters.sharedLayers,
                admission: admission,
                adapters: .passUnretained(request.adapters), sampler: sampler.pointer, wantsLogprobs: request.logprobs != nil,
                wantsPromptLogprobs: request.promptLogprobs != nil || request.scoring != nil,
                firstPromptOutput: request.scoring.map { $0.from - 1 } ?? 0, isScored: request.scoring != nil,
                observes: request.adapters.observes,
                observesPrompt: request.observesPrompt && request.adapters.observes))
        state = SequenceHandle(stored)
        if tags != nil {
            for position in 0..<request.prompt.count { state.noteThinking(position) }
        }
        // After a prompt that is text the answer goes on; its first space is part of it.
        detokenizer = StreamingDetokenizer(
            tokenizer, skipSpecialTokens: request.skipsSpecialTokens, atBeginning: request.prompt.allSatisfy(tokenizer.isSpecial))
        text = AnswerText(request.stop, tags: request.reasoning)
    }

    var ticket: Ticket { group.ticket }
    var request: GenerationRequest { group.ticket.request }

    /// Forgets what was gathered on a prompt that has to be read again.
    func forgetPromptRows() {
        promptLogprobs.removeAll()
        promptObservations.removeAll()
    }

    /// - Parameter position: of the token that `logprobs` are about.
    func keep(promptLogprobs logprobs: TokenLogprobs, at position: Int) {
        if promptLogprobs.isEmpty { promptLogprobs = Array(repeating: nil, count: state.promptLength) }
        promptLogprobs[position] = logprobs
    }
    func keep(promptObservations observations: [TokenObservation]) { promptObservations += observations }

    /// Says that the prompt has been read; once.
    func reportPrompt() {
        guard !hasReportedPrompt else { return }
        promptWasReported()
        ticket.send(
            .prompt(
                PromptReport(
                    tokens: state.promptLength, cachedTokens: cachedTokens ?? 0,
                    logprobs: reportedLogprobs, observations: promptObservations, score: scorer?.score)))
        forgetPromptRows()
    }

    private var reportedLogprobs: [TokenLogprobs?]? {
        if request.promptLogprobs == nil || scorer != nil { return nil }
        return promptLogprobs.isEmpty ? [nil] : promptLogprobs
    }

    /// Nothing is asked of the prompt any more.
    func promptWasReported() {
        hasReportedPrompt = true
        state.wantsPromptLogprobs = false
        state.observesPrompt = false
    }

    /// Reports the token that was appended last, and finishes the sequence when it ends the answer.
    func reportToken(observation: TokenObservation?, endOfSequence: Set<Int32>) {
        defer { newestLogprobs = nil }
        let token = state.tokens[state.tokenCount - 1]
        let stop = request.stop
        // The model's own end comes first, as in vLLM: a request that names it among its stop tokens is told of a natural end.
        if !stop.ignoreEOS, endOfSequence.contains(token) { return finish(.stop) }
        if stop.tokens.contains(token) { return finish(.stop, stopToken: token) }
        let isLast = state.generated >= stop.maxTokens
        let isReasoning = text.isReasoning
        var piece = text.append(detokenizer.append(token))
        // The last token may complete what the detokeniser held back, and with it a stop string.
        if isLast { piece += text.append(detokenizer.finish()) }
        ticket.send(
            .token(
                GeneratedToken(
                    choice: choice, id: token, text: piece.content, reasoning: piece.reasoning, isReasoning: isReasoning,
                    logprobs: newestLogprobs, observation: observation)))
        if text.stop != nil {
            close(.stop, AnswerText.Piece(), stopToken: nil)
        } else if isLast {
            finish(.length)
        }
    }

    func finish(_ reason: FinishReport.Reason, stopToken: Int32? = nil) {
        var piece = text.append(detokenizer.finish())
        piece += text.finish()
        if text.stop != nil { close(.stop, piece, stopToken: nil) } else { close(reason, piece, stopToken: stopToken) }
    }

    /// Ends this choice, and those that were still to begin, without a word: the request as a whole has failed.
    func drop() { isFinished = true }

    /// The error that ends a request whose activations are no numbers.
    func notFinite(position: Int) -> EngineError {
        .notFinite(position: position, adapters: request.adapters.applied.filter(\.changesActivations).map(\.name))
    }

    /// Ends this choice, and those that were still to begin.
    private func close(_ reason: FinishReport.Reason, _ rest: AnswerText.Piece, stopToken: Int32?) {
        guard !isFinished else { return }
        isFinished = true
        isCancelled = reason == .cancelled
        ticket.send(
            .finished(
                FinishReport(
                    choice: choice, text: rest.content, reasoning: rest.reasoning, reason: reason, stopString: text.stop,
                    stopToken: stopToken, generatedTokens: state.generated, splices: fits?.quality ?? [])))
        for other in 0..<pendingChoices {
            ticket.send(
                .finished(
                    FinishReport(
                        choice: choice + 1 + other, text: "", reason: reason, stopString: nil, stopToken: nil, generatedTokens: 0)))
        }
    }
}

/// The choices of one request.
final class ChoiceGroup {
    let ticket: Ticket
    /// The client's number in the waiting queue.
    let client: Int
    /// Choices that have not left the engine.
    var choicesLeft: Int

    init(ticket: Ticket, client: Int) {
        self.ticket = ticket
        self.client = client
        choicesLeft = ticket.request.choices
    }
}
