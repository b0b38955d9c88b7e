import Adapters
import Models
import Tensors
import Tokenizers

/// Decides which sequences run and which of their tokens each step computes.
///
/// A request is admitted when the batch has places for its choices and the KV cache blocks for its prompt, with some to spare. It takes
/// more blocks as it grows. When one is lacking, cached prefixes go first, and then the latest sequences give up theirs
/// (`Scheduler+Preemption.swift`). Every decoding sequence gets its row in every step; prompts are read in chunks beside them, oldest
/// first.
final class Scheduler {
    let settings: EngineSettings
    let tokenizer: Tokenizer
    let blocks: BlockManager
    /// Nil when nothing is kept.
    let residuals: ResidualCache?
    var queue = WaitingQueue()
    /// Sequences that are next, earliest admission first: preempted ones, and at most one that never ran.
    var resuming: [Sequence] = []
    /// Counters go up where what they count happens; gauges are read once a step (`readGauges`).
    var statistics = EngineStatistics()
    private var admissions = 0

    /// Sequences with equal adapter sets stand together. Change it through `insert` and `remove`.
    private(set) var running: [Sequence] = []
    /// Places taken in the batch, those of choices that are still to begin included.
    private var places = 0

    /// For each running sequence, what steps work on; and the running sequences by age. Capacity `maxBatch`.
    let states: AlignedBuffer<SequenceHandle>
    let byAge: AlignedBuffer<Int>
    /// The step's part of each sequence that has one.
    let scheduled: AlignedBuffer<ScheduledRows>
    var scheduledCount = 0
    /// Rows of each running sequence in this step.
    let chunks: AlignedBuffer<Chunk>
    /// Entries that begin rows of this step (`Scheduler+Residuals.swift`).
    var entered: [Int32] = []
    /// The step under way makes entries for the residual cache.
    var captures = false

    init(
        settings: EngineSettings, tokenizer: Tokenizer, hash: @escaping PrefixHash = PrefixHashing.standard, residuals: ResidualCache? = nil
    ) {
        self.settings = settings
        self.tokenizer = tokenizer
        self.residuals = residuals
        blocks = BlockManager(total: settings.blocks, cachesPrefixes: settings.prefixCache, hash: hash)
        states = AlignedBuffer(count: settings.maxBatch)
        byAge = AlignedBuffer(count: settings.maxBatch)
        // A sequence may have rows that begin at the bottom and rows that begin higher.
        scheduled = AlignedBuffer(count: 2 * settings.maxBatch)
        chunks = AlignedBuffer(count: settings.maxBatch)
    }

    var isIdle: Bool { running.isEmpty && resuming.isEmpty && queue.isEmpty }

    var hasWaiting: Bool { !queue.isEmpty || !resuming.isEmpty }

    func enqueue(_ tickets: [Ticket]) {
        for ticket in tickets {
            queue.append(ticket)
            residuals?.ask(for: ticket.request.adapters.sharedLayers)
        }
    }

    // MARK: Joining and leaving

    /// Admits what fits. Returns the requests that began to run.
    func admit() -> [Ticket] {
        var begun: [Ticket] = []
        while places < settings.maxBatch {
            if resuming.isEmpty {
                chargeGenerated()
                guard let next = queue.popNext() else { break }
                resuming.append(makeSequence(ChoiceGroup(ticket: next.ticket, client: next.client), choice: 0))
                resuming[0].pendingChoices = next.ticket.request.choices - 1
            }
            let next = resuming[0]
            guard places + 1 + next.pendingChoices <= settings.maxBatch, giveBlocks(next) else { break }
            resuming.removeFirst()
            insert(next)
            if next.cachedTokens == nil {
                begun.append(next.ticket)
                next.cachedTokens = next.state.computed
                if settings.prefixCache { statistics.prefixQueryTokens += next.state.promptLength }
                statistics.prefixHitTokens += next.state.computed
            }
        }
        return begun
    }

    private func giveBlocks(_ sequence: Sequence) -> Bool {
        // Whoever runs alone may have everything: that it fits was checked when it was submitted.
        let reserve = running.isEmpty ? 0 : max(running.count, Int(settings.admissionReserve * Double(blocks.total)))
        return blocks.admit(sequence.state, reserve: reserve)
    }

    private func makeSequence(_ group: ChoiceGroup, choice: Int) -> Sequence {
        defer { admissions += 1 }
        return Sequence(
            group: group, choice: choice, admission: admissions,
            adapterKey: blocks.number(forAdapters: group.ticket.request.adapters.cacheKey), tokenizer: tokenizer)
    }

    /// Makes the choices that share the prompt `leader` has just read. Each shares its full blocks; `copyBlock` is called for each that
    /// needs its own copy of the last, partial one. A choice that finds no block for that has none at all, and reads the prompt itself.
    func fork(_ leader: Sequence, copyBlock: (_ from: Int32, _ to: Int32) -> Void) -> [Sequence] {
        let shared = leader.state.promptLength / KVBlock.tokens
        let isPartial = leader.state.promptLength % KVBlock.tokens != 0
        var choices: [Sequence] = []
        for choice in 0..<leader.pendingChoices {
            let sequence = makeSequence(leader.group, choice: leader.choice + 1 + choice)
            sequence.cachedTokens = leader.cachedTokens
            sequence.promptWasReported()
            sequence.state.fitted = leader.state.promptLength
            blocks.share(shared, of: leader.state, with: sequence.state)
            if isPartial, !blocks.grow(sequence.state) {
                blocks.releaseAll(sequence.state)
            } else {
                if isPartial { copyBlock(leader.state.blocks[shared], sequence.state.blocks[shared]) }
                sequence.state.computed = leader.state.promptLength
                sequence.state.furthest = leader.state.promptLength
            }
            choices.append(sequence)
        }
        places -= leader.pendingChoices
        leader.pendingChoices = 0
        return choices
    }

    /// Lets choices that `fork` made run from the next step on.
    func join(_ choices: [Sequence]) {
        for sequence in choices {
            if sequence.state.blockCount == 0, !sequence.isFinished { resume(later: sequence) } else { insert(sequence) }
        }
    }

    /// Takes out the sequences that have ended, and frees what they held. Returns the requests whose last choice has ended.
    func removeFinished() -> [Ticket] {
        var finished: [Sequence] = []
        for sequence in running where sequence.isFinished { finished.append(sequence) }
        for sequence in finished {
            remove(sequence)
            blocks.releaseAll(sequence.state)
        }
        let waiting = resuming.filter(\.isFinished)
        if !waiting.isEmpty { resuming.removeAll(where: \.isFinished) }
        finished += waiting
        chargeGenerated(finished)
        var ended: [Ticket] = []
        for sequence in finished {
            blocks.release(adapterKey: sequence.state.adapterKey)
            let choices = 1 + sequence.pendingChoices
            statistics.finishedSequences += choices
            if sequence.isCancelled { statistics.cancelledSequences += choices }
            sequence.group.choicesLeft -= choices
            if sequence.group.choicesLeft == 0 {
                statistics.finishedRequests += 1
                queue.finished(sequence.group.client)
                ended.append(sequence.ticket)
            }
        }
        return ended
    }

    /// Ends whatever is left of requests whose clients have gone. Returns those that had not begun.
    func cancel(_ leaving: [Ticket]) -> [Ticket] {
        if leaving.isEmpty { return [] }
        let leaving = Set(leaving.map { ObjectIdentifier($0) })
        var left = queue.remove(leaving)
        for sequence in running where leaving.contains(ObjectIdentifier(sequence.ticket)) { sequence.finish(.cancelled) }
        for sequence in resuming where leaving.contains(ObjectIdentifier(sequence.ticket)) {
            if sequence.cachedTokens == nil { left.append(sequence.ticket) }
            sequence.finish(.cancelled)
        }
        return left
    }

    /// Ends a request with an error: all of its choices.
    func fail(_ group: ChoiceGroup, _ error: EngineError) {
        group.ticket.send(.failed(error))
        for sequence in running + resuming where sequence.group === group { sequence.drop() }
    }

    private func chargeGenerated() {
        chargeGenerated(running)
        chargeGenerated(resuming)
    }

    private func chargeGenerated(_ sequences: [Sequence]) {
        for sequence in sequences {
            let generated = sequence.state.generated
            queue.charge(sequence.group.client, WaitingQueue.generatedWeight * Double(generated - sequence.chargedTokens))
            sequence.chargedTokens = generated
        }
    }

    // MARK: The running list

    private func insert(_ sequence: Sequence) {
        let key = sequence.request.adapters.key
        let place = running.lastIndex { $0.request.adapters.key == key }.map { $0 + 1 } ?? running.count
        running.insert(sequence, at: place)
        places += 1 + sequence.pendingChoices
        index()
    }

    func remove(_ sequence: Sequence) {
        running.removeAll { $0 === sequence }
        places -= 1 + sequence.pendingChoices
        index()
    }

    private func index() {
        for (index, sequence) in running.enumerated() {
            states[index] = sequence.state
            byAge[index] = index
        }
        var order = UnsafeMutableBufferPointer(start: byAge.pointer, count: running.count)
        order.sort { states[$0].admission < states[$1].admission }
    }
}

extension Scheduler {
    /// Reads the gauges, and the counters that blocks and residuals keep themselves.
    func readGauges() {
        statistics.clients = queue.clientCount
        statistics.runningSequences = running.count
        statistics.preemptedSequences = resuming.count
        statistics.kvBlocksUsed = blocks.used
        statistics.kvBlocksCached = blocks.cached
        statistics.kvBlocksTotal = blocks.total
        statistics.kvEvictions = blocks.evictions
        statistics.residualCacheBytes = residuals?.byteCount ?? 0
        statistics.residualEvictions = residuals?.evictions ?? 0
    }
}
