import Adapters
import Models

extension Scheduler {
    /// Fills `plan` with the next step's rows, and `scheduled` with whose they are.
    func plan(into plan: BatchPlan) {
        makeRoom()
        plan.removeAll()
        scheduledCount = 0
        shareOutRows()
        for index in 0..<running.count where chunks[index].fresh > 0 {
            append(index, from: states[index].computed + chunks[index].entering, chunks[index].fresh, to: plan)
        }
        if !entered.isEmpty { appendEntering(to: plan) }
        if captures { planCaptures(in: plan) }
        var observes = false
        for number in 0..<scheduledCount where scheduled[number].state.observes { observes = true }
        plan.observations.begin(rows: observes ? plan.rowCount : 0)
        if observes { askForObservations(in: plan) }
    }

    /// Adds rows that begin at the bottom.
    private func append(_ index: Int, from position: Int, _ count: Int, to plan: BatchPlan) {
        let sequence = states[index]
        schedule(index, from: position, count, firstRow: plan.rowCount, layer: 0)
        // The sequence keeps its adapters; counting them for each row would cost more than the rest.
        sequence.adapters._withUnsafeGuaranteedRef { adapters in
            for position in position..<position + count {
                plan.append(
                    token: sequence.tokens[position], position: position, promptLength: sequence.promptLengthForAdapters,
                    blockTable: UnsafePointer(sequence.blocks), adapters: adapters,
                    wantsOutput: sequence.wantsOutput(position), isInsideThink: sequence.isInsideThink(position),
                    fits: sequence.fits(at: position))
            }
        }
    }

    func schedule(_ index: Int, from position: Int, _ count: Int, firstRow: Int, layer: Int) {
        scheduled[scheduledCount] = ScheduledRows(
            state: states[index], index: index, firstRow: firstRow, count: count, firstPosition: position, layer: layer)
        scheduledCount += 1
    }

    /// Sets how many rows each running sequence gets: one while it decodes; of the rest of the budget, prompts as much as they can use,
    /// oldest first. While somebody decodes the rest is bounded by `prefillChunk`, so that a long prompt does not hold others up.
    private func shareOutRows() {
        var decoding = 0
        for index in 0..<running.count where states[index].isDecoding { decoding += 1 }
        var rest = settings.maxBatchedTokens - decoding
        if decoding > 0 { rest = min(rest, settings.prefillChunk) }
        // Prompts always get on, however many sequences decode.
        rest = max(rest, 1)
        beginChunks()
        for age in 0..<running.count {
            let index = byAge[age]
            if states[index].isDecoding {
                chunks[index] = Chunk(fresh: 1)
            } else {
                chunks[index] =
                    sharesLayers ? chunk(of: states[index], atMost: rest) : Chunk(fresh: min(rest, states[index].pending))
                rest -= chunks[index].count
            }
        }
    }

    /// Wanted are readings of the row each next token is predicted from, and of the whole prompt for requests that ask.
    private func askForObservations(in plan: BatchPlan) {
        for number in 0..<scheduledCount where scheduled[number].state.observes {
            let item = scheduled[number]
            let first = item.state.observesPrompt ? item.firstRow : item.firstRow + item.count - 1
            for row in first..<item.firstRow + item.count { plan.observations.want(row: row) }
        }
    }
}

/// A sequence's part of one step: `count` rows of the plan from `firstRow` on hold its tokens from `firstPosition` on.
struct ScheduledRows: BitwiseCopyable {
    let state: SequenceHandle
    /// In `Scheduler.running`.
    let index: Int
    let firstRow: Int
    let count: Int
    let firstPosition: Int
    /// Layers that were done for these rows before.
    let layer: Int
    /// A token was drawn and appended.
    var hasToken = false

    var endPosition: Int { firstPosition + count }
    /// The position whose token stands in `row`.
    func position(_ row: Int) -> Int { firstPosition + row - firstRow }
}
