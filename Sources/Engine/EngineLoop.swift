import Adapters
import Models
import Tensors
import Tokenizers

/// What the engine thread runs: schedule, compute, report, again. Confined to that thread.
///
/// Computing draws tokens and appends them; reporting turns them into text and hands it out. Only the second may allocate.
final class EngineLoop {
    let model: any LanguageModel
    /// Logits of a row that count: those above are no tokens.
    let vocabulary: Int
    let mask: LogitMask
    let layers: Int
    let pool: WorkerPool
    let workspace = Workspace()
    private let cache: KVCache
    let plan = BatchPlan()
    let scheduler: Scheduler
    private let endOfSequence: Set<Int32>
    private let mailbox: Mailbox
    private let shared: SharedStatistics
    private var pace = RequestPace()

    /// Choices that began in this step, and have their first token.
    private var newChoices: [Sequence] = []
    /// Something has ended since the last look.
    private var hasFinished = false

    /// Rows whose logits are held at once: bounds the memory of long lists of prompt log-probabilities.
    /// As many as a wide batch has, so that a step reads the head once.
    static let logitRows = 32

    init(
        model: any LanguageModel, tokenizer: Tokenizer, settings: EngineSettings, pool: WorkerPool, mailbox: Mailbox,
        statistics: SharedStatistics, hash: @escaping PrefixHash = PrefixHashing.standard
    ) {
        self.model = model
        self.pool = pool
        self.mailbox = mailbox
        shared = statistics
        let config = model.config
        let drawable = DrawableTokens(config, tokenizer)
        vocabulary = drawable.count
        mask = LogitMask(drawable)
        layers = config.layers
        cache = KVCache(
            layout: config.kvLayout(settings.kvFormat ?? KVFormat(for: model.format)), layers: config.layers, blockCount: settings.blocks)
        scheduler = Scheduler(
            settings: settings, tokenizer: tokenizer, hash: hash,
            residuals: ResidualCache(cache: cache, width: config.hiddenSize, budget: settings.residualCacheBytes, hash: hash))
        endOfSequence = Set(config.eosTokens)
    }

    /// Runs until the mailbox is drained and nothing is left to do.
    func run() {
        var moves = false
        while true {
            // A step that changed nothing will change nothing the next time either: only news can.
            let sleeps = !moves || scheduler.isIdle
            if sleeps || mailbox.hasMail {
                guard let news = mailbox.collect(sleeping: sleeps) else { break }
                let start = ContinuousClock.now
                receive(news)
                moves = step(since: start)
            } else {
                moves = step(since: .now)
            }
        }
        mailbox.threadEnded()
    }

    private func receive(_ news: Mailbox.News) {
        scheduler.enqueue(news.submitted)
        for ticket in scheduler.cancel(news.cancelled) {
            ticket.leaveQueue()
            ticket.close()
        }
        hasFinished = true
    }

    /// Returns whether it changed anything.
    private func step(since start: ContinuousClock.Instant) -> Bool {
        let preemptions = scheduler.statistics.preemptions
        var closed = retire()
        let begun = scheduler.hasWaiting ? scheduler.admit() : []
        for ticket in begun { ticket.leaveQueue() }
        computeStep()
        if plan.rowCount > 0 {
            reportStep()
            closed += retire()
        }
        record(since: start)
        // Last, so that whoever sees the end of an answer sees statistics that know of it.
        for ticket in closed { ticket.close() }
        return plan.rowCount > 0 || !begun.isEmpty || !closed.isEmpty || scheduler.statistics.preemptions != preemptions
    }

    /// Frees what finished sequences held, and returns the requests whose last choice that was.
    private func retire() -> [Ticket] {
        guard hasFinished else { return [] }
        hasFinished = false
        return scheduler.removeFinished()
    }

    // MARK: Computing

    /// Plans a step, runs it and draws its tokens. While every sequence decodes, it allocates nothing and counts no reference:
    /// `Tests/StepProbe` counts the calls made in here and in `reportStep`, which is why they are never inlined.
    @inline(never)
    func computeStep() {
        scheduler.plan(into: plan)
        if plan.rowCount > 0 { compute() }
    }

    /// Runs the plan and appends one token to every sequence whose last row it holds.
    private func compute() {
        let mark = workspace.mark()
        let hidden = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
        for number in 0..<scheduler.scheduledCount { noteBroken(scheduler.scheduled[number]) }
        if scheduler.captures { scheduler.commitCaptures() }
        // Backwards: a sequence's rows that begin higher come later in the plan, and before the others in the sequence.
        for number in stride(from: scheduler.scheduledCount - 1, through: 0, by: -1) { advance(scheduler.scheduled[number]) }
        var outputs = OutputRows(hidden: hidden, tile: Self.logitRows, workspace: workspace)
        for number in 0..<scheduler.scheduledCount {
            let item = scheduler.scheduled[number]
            let sequence = item.state
            if sequence.isBroken {
                outputs.skip(outputCount(item, from: outputs.index))
                continue
            }
            if sequence.isScored {
                outputs.skip(score(item, hidden: hidden, from: outputs.index))
            }
            for row in item.firstRow..<item.firstRow + item.count where outputs.isNext(row, in: plan) {
                let logits = outputs.next(model: model, pool: pool, workspace: workspace)
                mask.apply(to: logits)
                if item.position(row) + 1 < sequence.tokenCount {
                    keepPromptLogprobs(item, row: row, logits)
                } else if sequence.maxTokens > 0 {
                    drawFirst(item, logits)
                    sample(sequence, item, logits)
                    scheduler.scheduled[number].hasToken = !sequence.isBroken
                }
            }
            if !sequence.isBroken { scheduler.blocks.publish(sequence) }
        }
        workspace.release(mark)
    }

    /// Nothing of a sequence with a row that is no number may be drawn from, or kept.
    private func noteBroken(_ item: ScheduledRows) {
        let contexts = plan.contexts
        for row in item.firstRow..<item.firstRow + item.count where contexts[row].isBroken { item.state.isBroken = true }
    }

    /// How many of the plan's output rows, from number `first` on, are the item's.
    func outputCount(_ item: ScheduledRows, from first: Int) -> Int {
        var end = first
        while end < plan.outputRows.count, plan.outputRows[end] < item.firstRow + item.count { end += 1 }
        return end - first
    }

    /// The rows' keys and values are in the cache now.
    private func advance(_ item: ScheduledRows) {
        let (sequence, end) = (item.state, item.endPosition)
        sequence.computed = end
        scheduler.statistics.computedLayers += item.count * (layers - item.layer)
        if item.layer > 0 {
            scheduler.statistics.residualHitTokens += item.count
            scheduler.statistics.sparedLayers += item.count * item.layer
        }
        let furthest = sequence.furthest
        scheduler.statistics.recomputedTokens += max(0, min(end, furthest) - item.firstPosition)
        let prompt = sequence.promptLength
        scheduler.statistics.promptTokens += max(0, min(end, prompt) - max(item.firstPosition, furthest))
        if end > furthest { sequence.furthest = end }
        if end > sequence.fitted { sequence.fitted = end }
        if sequence.observesPrompt { keepPromptObservations(item) }
    }

    /// Draws the next token, from logits that may be overwritten.
    private func sample(_ sequence: SequenceHandle, _ item: ScheduledRows, _ logits: UnsafeMutablePointer<Float>) {
        if sequence.wantsLogprobs {
            sampleWithLogprobs(scheduler.running[item.index], logits)
        } else {
            draw(sequence, logits)
        }
    }

    private func draw(_ sequence: SequenceHandle, _ logits: UnsafeMutablePointer<Float>) {
        let token = sequence.sample(logits, count: vocabulary, on: pool.instructionSet, workspace: workspace)
        guard token >= 0 else {
            sequence.isBroken = true
            return
        }
        sequence.append(token)
        scheduler.statistics.generatedTokens += 1
    }

    private func sampleWithLogprobs(_ sequence: Sequence, _ logits: UnsafeMutablePointer<Float>) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let unmodified = workspace.allocate(Float.self, vocabulary)
        unmodified.update(from: logits, count: vocabulary)
        draw(sequence.state, logits)
        if sequence.state.isBroken { return }
        let token = sequence.state.tokens[sequence.state.tokenCount - 1]
        sequence.newestLogprobs = logprobs(token, unmodified, top: sequence.request.logprobs ?? 0)
    }

    /// Draws the first token of the choices that share the prompt whose end `logits` follow.
    private func drawFirst(_ item: ScheduledRows, _ logits: UnsafePointer<Float>) {
        guard item.state.generated == 0 else { return }
        let leader = scheduler.running[item.index]
        guard leader.pendingChoices > 0 else { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let copy = workspace.allocate(Float.self, vocabulary)
        for choice in scheduler.fork(leader, copyBlock: { cache.copyBlock(from: Int($0), to: Int($1)) }) {
            copy.update(from: logits, count: vocabulary)
            if choice.state.wantsLogprobs { sampleWithLogprobs(choice, copy) } else { draw(choice.state, copy) }
            newChoices.append(choice)
        }
    }

    private func keepPromptLogprobs(_ item: ScheduledRows, row: Int, _ logits: UnsafePointer<Float>) {
        let sequence = scheduler.running[item.index]
        sequence.keep(
            promptLogprobs: logprobs(
                item.state.tokens[item.position(row) + 1], logits, top: sequence.request.promptLogprobs ?? 0),
            at: item.position(row) + 1)
    }

    func logprobs(_ token: Int32, _ logits: UnsafePointer<Float>, top: Int) -> TokenLogprobs {
        TokenLogprobs(token, logits: logits, count: vocabulary, top: top, on: pool.instructionSet, workspace: workspace)
    }

    // MARK: Reporting

    /// Hands out what the step gave, and ends the sequences it completed.
    @inline(never)
    func reportStep() {
        for number in 0..<scheduler.scheduledCount {
            let item = scheduler.scheduled[number]
            if item.state.isBroken {
                fail(item)
                continue
            }
            guard item.hasToken || item.state.maxTokens == 0 else { continue }
            guard item.endPosition >= item.state.promptLength else { continue }
            let sequence = scheduler.running[item.index]
            // Its request may have failed with another choice.
            if sequence.isFinished { continue }
            sequence.reportPrompt()
            let observation = newestObservation(item)
            if item.hasToken {
                sequence.reportToken(observation: observation, endOfSequence: endOfSequence)
            } else {
                sequence.finish(.length)
            }
            if sequence.isFinished { hasFinished = true }
            if !newChoices.isEmpty { reportChoices(of: sequence, observation) }
        }
        if !newChoices.isEmpty {
            scheduler.join(newChoices)
            newChoices.removeAll()
        }
    }

    /// Ends the request of a sequence whose numbers are none.
    private func fail(_ item: ScheduledRows) {
        let sequence = scheduler.running[item.index]
        if sequence.isFinished { return }
        let contexts = plan.contexts
        let row = (item.firstRow..<item.firstRow + item.count).first { contexts[$0].isBroken } ?? item.firstRow + item.count - 1
        scheduler.fail(sequence.group, sequence.notFinite(position: item.position(row)))
        for choice in newChoices where choice.group === sequence.group { choice.drop() }
        hasFinished = true
    }

    private func reportChoices(of leader: Sequence, _ observation: TokenObservation?) {
        for choice in newChoices where choice.group === leader.group && !choice.isFinished {
            if choice.state.isBroken {
                scheduler.fail(leader.group, choice.notFinite(position: choice.state.promptLength - 1))
                for other in newChoices where other.group === leader.group { other.drop() }
                hasFinished = true
                return
            }
            choice.reportToken(observation: observation, endOfSequence: endOfSequence)
            if choice.isFinished { hasFinished = true }
        }
    }

    private func record(since start: ContinuousClock.Instant) {
        scheduler.readGauges()
        var now = scheduler.statistics
        now.steps += 1
        now.stepSeconds += (ContinuousClock.now - start) / .seconds(1)
        now.batchRows = plan.rowCount
        now.rows += plan.rowCount
        now.secondsPerRequest = pace.update(finished: now.finishedRequests, busySeconds: now.stepSeconds)
        scheduler.statistics = now
        shared.publish(now)
    }
}

// MARK: Observations

extension EngineLoop {
    /// Keeps what was read on the prompt, for requests that want it.
    private func keepPromptObservations(_ item: ScheduledRows) {
        let rows = item.firstRow..<item.firstRow + item.count
        scheduler.running[item.index].keep(promptObservations: rows.map { observation(item, row: $0) })
    }

    private func newestObservation(_ item: ScheduledRows) -> TokenObservation? {
        guard item.state.observes else { return nil }
        return observation(item, row: item.firstRow + item.count - 1)
    }

    private func observation(_ item: ScheduledRows, row: Int) -> TokenObservation {
        TokenObservation(
            token: item.state.tokens[item.position(row)], position: item.position(row),
            readings: plan.observations.readings(row: row))
    }
}
