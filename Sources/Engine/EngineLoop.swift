import Adapters
import Models
import Tensors
import Tokenizers

/// What the engine thread runs: schedule, compute, post-process, again. Confined to that thread.
final class EngineLoop {
    private let model: any LanguageModel
    private let pool: WorkerPool
    private let workspace = Workspace()
    private let cache: KVCache
    private let plan = BatchPlan()
    private var scheduler: Scheduler
    private let endOfSequence: Set<Int32>
    private let mailbox: Mailbox
    private let statistics: SharedStatistics

    /// Rows whose logits are held at once: bounds the memory of long lists of prompt log-probabilities.
    private static let logitRows = 16

    init(
        model: any LanguageModel, tokenizer: Tokenizer, settings: EngineSettings, pool: WorkerPool, mailbox: Mailbox,
        statistics: SharedStatistics
    ) {
        self.model = model
        self.pool = pool
        self.mailbox = mailbox
        self.statistics = statistics
        scheduler = Scheduler(settings: settings, tokenizer: tokenizer)
        let config = model.config
        cache = KVCache(
            layout: config.kvLayout(settings.kvFormat ?? KVFormat(for: model.format)), layers: config.layers,
            blockCount: scheduler.blocksTotal)
        endOfSequence = Set(config.eosTokens)
    }

    /// Runs until the mailbox is drained and nothing is left to do.
    func run() {
        while let tickets = mailbox.collect(idle: scheduler.isIdle) {
            let start = ContinuousClock.now
            scheduler.enqueue(tickets)
            step()
            record(since: start)
        }
        mailbox.threadEnded()
    }

    private func step() {
        for sequence in scheduler.running where sequence.ticket.isCancelled { sequence.finish(.cancelled) }
        retire()
        mailbox.left(scheduler.admit())

        let scheduled = scheduler.plan(into: plan)
        if plan.rowCount > 0 {
            let mark = workspace.mark()
            let hidden = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
            process(scheduled, hidden: hidden)
            workspace.release(mark)
        }
        retire()
    }

    /// Frees what finished sequences held, and ends each request whose last choice this was.
    private func retire() {
        for sequence in scheduler.removeFinished() {
            let ticket = sequence.ticket
            if !scheduler.running.contains(where: { $0.ticket === ticket }) { ticket.close() }
            statistics.update {
                $0.finishedSequences += 1
                if ticket.isCancelled { $0.cancelledSequences += 1 }
            }
        }
    }

    /// Walks over the rows the model returned, a constant number at a time.
    private func process(_ scheduled: [ScheduledSequence], hidden: MatrixView) {
        var outputs = OutputRows(plan: plan, model: model, hidden: hidden, pool: pool, workspace: workspace, tile: Self.logitRows)
        for item in scheduled {
            let sequence = item.sequence
            let isPrompt = sequence.isPrefilling
            sequence.computed = item.firstPosition + item.rows.count
            if isPrompt { keepPromptObservations(item) }
            for row in item.rows where outputs.isNext(row) {
                let logits = outputs.next()
                let position = item.firstPosition + row - item.rows.lowerBound
                if position + 1 < sequence.promptLength {
                    sequence.promptLogprobs.append(
                        logprobs(sequence.tokens[position + 1], logits, top: sequence.request.promptLogprobs ?? 0))
                } else {
                    continueSequence(sequence, logits: logits, endsPrompt: isPrompt, observation: newestObservation(item))
                }
            }
            if isPrompt { statistics.update { $0.promptTokens += item.rows.count } }
        }
    }

    private func continueSequence(
        _ sequence: Sequence, logits: UnsafeMutablePointer<Float>, endsPrompt: Bool, observation: TokenObservation?
    ) {
        guard endsPrompt else {
            sample(sequence, logits, observation)
            return
        }
        let request = sequence.request
        sequence.ticket.send(
            .prompt(
                PromptReport(
                    tokens: sequence.promptLength, cachedTokens: 0,
                    logprobs: request.promptLogprobs == nil ? nil : [nil] + sequence.promptLogprobs,
                    observations: sequence.promptObservations)))
        let choices = [sequence] + sequence.siblings
        sequence.siblings = []
        if request.stop.maxTokens == 0 {
            for choice in choices { choice.finish(.length) }
            return
        }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let copy = workspace.allocate(Float.self, model.config.vocabSize)
        for choice in choices {
            if choice !== sequence { adopt(choice, from: sequence) }
            copy.update(from: logits, count: model.config.vocabSize)
            sample(choice, copy, observation)
        }
    }

    /// Gives a sibling the prompt its leader has read: full blocks are shared already, the last partial one is copied.
    private func adopt(_ sibling: Sequence, from leader: Sequence) {
        sibling.computed = leader.promptLength
        sibling.awaitsLeader = false
        let shared = leader.promptLength / KVLayout.blockTokens
        if leader.promptLength % KVLayout.blockTokens != 0 {
            cache.copyBlock(from: Int(leader.blockTable.blocks[shared]), to: Int(sibling.blockTable.blocks[shared]))
        }
    }

    private func sample(_ sequence: Sequence, _ logits: UnsafeMutablePointer<Float>, _ observation: TokenObservation?) {
        statistics.update { $0.generatedTokens += 1 }
        let vocabulary = model.config.vocabSize
        guard let top = sequence.request.logprobs else {
            let token = sequence.sampler.sample(logits, count: vocabulary, step: sequence.generated, workspace: workspace)
            sequence.accept(token, logprobs: nil, observation: observation, endOfSequence: endOfSequence)
            return
        }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let unmodified = workspace.allocate(Float.self, vocabulary)
        unmodified.update(from: logits, count: vocabulary)
        let token = sequence.sampler.sample(logits, count: vocabulary, step: sequence.generated, workspace: workspace)
        sequence.accept(
            token, logprobs: logprobs(token, unmodified, top: top), observation: observation, endOfSequence: endOfSequence)
    }

    private func logprobs(_ token: Int32, _ logits: UnsafePointer<Float>, top: Int) -> TokenLogprobs {
        TokenLogprobs(token, logits: logits, count: model.config.vocabSize, top: top, workspace: workspace)
    }

    private func record(since start: ContinuousClock.Instant) {
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let running = scheduler.running.count
        let used = scheduler.blocksUsed
        let total = scheduler.blocksTotal
        statistics.update {
            $0.steps += 1
            $0.stepSeconds += elapsed
            $0.runningSequences = running
            $0.kvBlocksUsed = used
            $0.kvBlocksTotal = total
        }
    }
}

extension EngineLoop {
    /// Keeps what was read on the prompt, for requests that want it.
    private func keepPromptObservations(_ item: ScheduledSequence) {
        guard item.sequence.request.observesPrompt, item.sequence.request.adapters.observes else { return }
        item.sequence.promptObservations += item.rows.map { observation(item, row: $0) }
    }

    private func newestObservation(_ item: ScheduledSequence) -> TokenObservation? {
        guard item.sequence.request.adapters.observes, let row = item.rows.last else { return nil }
        return observation(item, row: row)
    }

    private func observation(_ item: ScheduledSequence, row: Int) -> TokenObservation {
        let position = item.firstPosition + row - item.rows.lowerBound
        return TokenObservation(
            token: item.sequence.tokens[position], position: position, readings: plan.observations.readings(row: row))
    }
}

/// Logits of a plan's output rows in order, computed a tile at a time.
private struct OutputRows {
    let plan: BatchPlan
    let model: any LanguageModel
    let hidden: MatrixView
    let pool: WorkerPool
    let workspace: Workspace
    let tile: Int

    private let mark: Workspace.Mark
    private var index = 0
    private var logits: MatrixView?

    init(plan: BatchPlan, model: any LanguageModel, hidden: MatrixView, pool: WorkerPool, workspace: Workspace, tile: Int) {
        self.plan = plan
        self.model = model
        self.hidden = hidden
        self.pool = pool
        self.workspace = workspace
        self.tile = tile
        mark = workspace.mark()
    }

    func isNext(_ row: Int) -> Bool {
        index < plan.outputRows.count && plan.outputRows[index] == row
    }

    /// Logits `[vocabulary]` of the next output row; the caller may overwrite them.
    mutating func next() -> UnsafeMutablePointer<Float> {
        defer { index += 1 }
        if index % tile == 0 || logits == nil {
            workspace.release(mark)
            let rows = index..<min(index + tile, hidden.rows)
            logits = model.logits(hidden.rows(rows), pool: pool, workspace: workspace)
        }
        return logits!.row(index % tile)
    }
}
