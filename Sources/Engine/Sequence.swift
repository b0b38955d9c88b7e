import Adapters
import Models
import Tensors
import Tokenizers

/// One continuation of one prompt: its tokens, its place in the KV cache, and what turns tokens into text.
/// Confined to the engine thread.
final class Sequence {
    let ticket: Ticket
    let choice: Int
    let promptLength: Int
    /// Order of admission; earlier prompts are read first.
    let admission: Int

    private(set) var tokens: [Int32]
    /// Tokens whose keys and values are in the cache.
    var computed = 0
    let blockTable: BlockTable

    /// Choices 1... wait for choice 0 to read the prompt they share.
    var awaitsLeader: Bool
    var siblings: [Sequence] = []

    var sampler: Sampler
    private var detokenizer: StreamingDetokenizer
    private var stops: StopMatcher
    private(set) var generated = 0
    private(set) var isFinished = false

    var promptLogprobs: [TokenLogprobs?] = []
    var promptObservations: [TokenObservation] = []

    init(ticket: Ticket, choice: Int, admission: Int, blockTable: BlockTable, tokenizer: Tokenizer) {
        let request = ticket.request
        self.ticket = ticket
        self.choice = choice
        self.admission = admission
        self.blockTable = blockTable
        promptLength = request.prompt.count
        tokens = request.prompt
        tokens.reserveCapacity(request.prompt.count + request.stop.maxTokens)
        awaitsLeader = choice > 0
        sampler = Sampler(request.sampling, seed: ticket.seed, choice: choice, prompt: request.prompt)
        detokenizer = StreamingDetokenizer(tokenizer, skipSpecialTokens: request.skipsSpecialTokens)
        stops = StopMatcher(request.stop.strings, includesMatch: request.stop.includeStopText)
    }

    var request: GenerationRequest { ticket.request }
    var isPrefilling: Bool { computed < promptLength }

    /// Takes the next token, reports it, and finishes the sequence when it ends the answer.
    func accept(_ token: Int32, logprobs: TokenLogprobs?, observation: TokenObservation?, endOfSequence: Set<Int32>) {
        tokens.append(token)
        generated += 1
        let stop = request.stop
        if stop.tokens.contains(token) || (!stop.ignoreEOS && endOfSequence.contains(token)) {
            finish(.stop, stopToken: token)
            return
        }
        var outcome = stops.append(detokenizer.append(token))
        let isLast = generated >= stop.maxTokens
        if isLast, case .text(let text) = outcome {
            // The last token may complete what the detokeniser held back, and with it a stop string.
            switch stops.append(detokenizer.finish()) {
            case .text(let tail): outcome = .text(text + tail)
            case .stopped(let tail, let match): outcome = .stopped(text: text + tail, match: match)
            }
        }
        func report(_ text: String) {
            ticket.send(
                .token(GeneratedToken(choice: choice, id: token, text: text, logprobs: logprobs, observation: observation)))
        }
        switch outcome {
        case .text(let text):
            report(text)
            if isLast { finish(.length) }
        case .stopped(let text, let match):
            report(text)
            close(.stop, text: "", stopString: match, stopToken: nil)
        }
    }

    func finish(_ reason: FinishReport.Reason, stopToken: Int32? = nil) {
        switch stops.append(detokenizer.finish()) {
        case .text(let text): close(reason, text: text + stops.finish(), stopString: nil, stopToken: stopToken)
        case .stopped(let text, let match): close(.stop, text: text, stopString: match, stopToken: nil)
        }
    }

    private func close(_ reason: FinishReport.Reason, text: String, stopString: String?, stopToken: Int32?) {
        guard !isFinished else { return }
        isFinished = true
        ticket.send(
            .finished(
                FinishReport(
                    choice: choice, text: text, reason: reason, stopString: stopString, stopToken: stopToken,
                    generatedTokens: generated)))
    }
}

/// The KV blocks of one sequence, at an address that stays put while batch plans point at it.
final class BlockTable {
    let blocks: UnsafeMutablePointer<Int32>
    let count: Int

    init(_ blocks: [Int32]) {
        count = blocks.count
        self.blocks = .allocate(capacity: max(blocks.count, 1))
        self.blocks.update(from: blocks, count: blocks.count)
    }

    deinit { blocks.deallocate() }

    static func blocksNeeded(tokens: Int) -> Int {
        (tokens + KVLayout.blockTokens - 1) / KVLayout.blockTokens
    }
}
