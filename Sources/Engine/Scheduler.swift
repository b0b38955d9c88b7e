import Adapters
import Models
import Tensors
import Tokenizers

/// Decides which sequences run and which of their tokens each step computes.
///
/// First come, first served: a request is admitted when there are places in the batch and KV blocks for all it may ever
/// need, so that a running sequence never has to make room. Every decoding sequence gets its row in every step; prompts are
/// read in chunks beside them, oldest first.
struct Scheduler {
    private let settings: EngineSettings
    private let tokenizer: Tokenizer
    private var allocator: BlockAllocator
    private var waiting: [Ticket] = []
    private var admissions = 0

    /// Sequences with equal adapter sets stand together.
    private(set) var running: [Sequence] = []

    init(settings: EngineSettings, tokenizer: Tokenizer) {
        self.settings = settings
        self.tokenizer = tokenizer
        allocator = BlockAllocator(total: BlockTable.blocksNeeded(tokens: settings.kvTokens))
    }

    var isIdle: Bool { running.isEmpty && waiting.isEmpty }
    var blocksUsed: Int { allocator.used }
    var blocksTotal: Int { allocator.total }

    mutating func enqueue(_ tickets: [Ticket]) {
        waiting.append(contentsOf: tickets)
    }

    /// Takes the sequences out that have finished, and returns them.
    mutating func removeFinished() -> [Sequence] {
        let finished = running.filter(\.isFinished)
        guard !finished.isEmpty else { return [] }
        running.removeAll(where: \.isFinished)
        for sequence in finished {
            for index in 0..<sequence.blockTable.count { allocator.release(sequence.blockTable.blocks[index]) }
        }
        return finished
    }

    /// Drops waiting requests whose client has gone, admits as many others as fit, and returns how many left the queue.
    mutating func admit() -> Int {
        let before = waiting.count
        waiting.removeAll { ticket in
            if ticket.isCancelled { ticket.close() }
            return ticket.isCancelled
        }
        var admitted = 0
        for ticket in waiting {
            guard fits(ticket.request) else { break }
            start(ticket)
            admitted += 1
        }
        waiting.removeFirst(admitted)
        return before - waiting.count
    }

    /// Blocks a request needs for all its choices; the prompt's full blocks are shared between them.
    static func blocksNeeded(_ request: GenerationRequest) -> Int {
        let each = BlockTable.blocksNeeded(tokens: request.prompt.count + request.stop.maxTokens)
        let shared = request.prompt.count / KVLayout.blockTokens
        return each + (request.choices - 1) * (each - shared)
    }

    private func fits(_ request: GenerationRequest) -> Bool {
        running.count + request.choices <= settings.maxBatch && Self.blocksNeeded(request) <= allocator.available
    }

    private mutating func start(_ ticket: Ticket) {
        let request = ticket.request
        let each = BlockTable.blocksNeeded(tokens: request.prompt.count + request.stop.maxTokens)
        let shared = request.prompt.count / KVLayout.blockTokens
        var leader: Sequence?
        for choice in 0..<request.choices {
            var blocks: [Int32] = []
            for index in 0..<each {
                if let leader, index < shared {
                    let block = leader.blockTable.blocks[index]
                    allocator.share(block)
                    blocks.append(block)
                } else {
                    blocks.append(allocator.allocate())
                }
            }
            let sequence = Sequence(
                ticket: ticket, choice: choice, admission: admissions, blockTable: BlockTable(blocks), tokenizer: tokenizer)
            admissions += 1
            leader?.siblings.append(sequence)
            leader = leader ?? sequence
            insert(sequence)
        }
    }

    private mutating func insert(_ sequence: Sequence) {
        let key = sequence.request.adapters.key
        let place = running.lastIndex { $0.request.adapters.key == key }.map { $0 + 1 } ?? running.count
        running.insert(sequence, at: place)
    }

    /// Fills `plan` with the next step's rows and returns, for each sequence in it, its rows.
    func plan(into plan: BatchPlan) -> [ScheduledSequence] {
        plan.removeAll()
        let chunks = prefillChunks()
        var scheduled: [ScheduledSequence] = []
        scheduled.reserveCapacity(running.count)
        for sequence in running where !sequence.awaitsLeader {
            let first = sequence.computed
            let count = sequence.isPrefilling ? chunks[sequence.admission] ?? 0 : 1
            guard count > 0 else { continue }
            let start = plan.rowCount
            let wantsAll = sequence.isPrefilling && sequence.request.promptLogprobs != nil
            for position in first..<(first + count) {
                plan.append(
                    token: sequence.tokens[position], position: position, promptLength: sequence.promptLength,
                    blockTable: UnsafePointer(sequence.blockTable.blocks), adapters: sequence.request.adapters,
                    wantsOutput: wantsAll || position == sequence.tokens.count - 1)
            }
            scheduled.append(ScheduledSequence(sequence: sequence, rows: start..<(start + count), firstPosition: first))
        }
        askForObservations(of: scheduled, in: plan)
        return scheduled
    }

    /// Wanted are readings of the row each next token is predicted from, and of the whole prompt for requests that ask.
    private func askForObservations(of scheduled: [ScheduledSequence], in plan: BatchPlan) {
        plan.observations.begin(rows: plan.rowCount)
        for item in scheduled where item.sequence.request.adapters.observes {
            let rows = item.sequence.request.observesPrompt ? item.rows : item.rows.suffix(1)
            for row in rows { plan.observations.want(row: row) }
        }
    }

    /// Prompt tokens each prefilling sequence reads in this step, by admission number.
    private func prefillChunks() -> [Int: Int] {
        let isDecoding = running.contains { !$0.awaitsLeader && !$0.isPrefilling }
        var budget = isDecoding ? settings.prefillChunk : settings.maxPrefillChunk
        var chunks: [Int: Int] = [:]
        let prefilling = running.filter { $0.isPrefilling && !$0.awaitsLeader }.sorted { $0.admission < $1.admission }
        for sequence in prefilling where budget > 0 {
            let count = min(budget, sequence.promptLength - sequence.computed)
            chunks[sequence.admission] = count
            budget -= count
        }
        return chunks
    }
}

/// A sequence's part of one step: `rows` of the plan hold its tokens from `firstPosition` on.
struct ScheduledSequence {
    let sequence: Sequence
    let rows: Range<Int>
    let firstPosition: Int
}
