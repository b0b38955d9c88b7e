import Adapters
import Models

extension Scheduler {
    /// Fills `plan` with the next step's rows, and `scheduled` with whose they are.
    func plan(into plan: BatchPlan) {
        makeRoom()
        plan.removeAll()
        scheduledCount = 0
        shareOutRows()
        var observes = false
        for index in 0..<running.count where chunks[index] > 0 {
            let sequence = states[index]
            let item = ScheduledRows(
                state: sequence, index: index, firstRow: plan.rowCount, count: chunks[index], firstPosition: sequence.pointee.computed)
            // The sequence keeps its adapters; counting them for each row would cost more than the rest.
            sequence.pointee.adapters._withUnsafeGuaranteedRef { adapters in
                for position in item.firstPosition..<item.firstPosition + item.count {
                    plan.append(
                        token: sequence.pointee.tokens[position], position: position, promptLength: sequence.pointee.promptLength,
                        blockTable: UnsafePointer(sequence.pointee.blocks), adapters: adapters,
                        wantsOutput: sequence.pointee.wantsPromptLogprobs || position == sequence.pointee.tokenCount - 1)
                }
            }
            if sequence.pointee.observes { observes = true }
            scheduled[scheduledCount] = item
            scheduledCount += 1
        }
        plan.observations.begin(rows: observes ? plan.rowCount : 0)
        if observes { askForObservations(in: plan) }
    }

    /// Sets how many rows each running sequence gets: one while it decodes; of the rest of the budget, prompts as much as they can use,
    /// oldest first. While somebody decodes the rest is bounded by `prefillChunk`, so that a long prompt does not hold others up.
    private func shareOutRows() {
        var decoding = 0
        for index in 0..<running.count where states[index].pointee.isDecoding { decoding += 1 }
        var rest = settings.maxBatchedTokens - decoding
        if decoding > 0 { rest = min(rest, settings.prefillChunk) }
        // Prompts always get on, however many sequences decode.
        rest = max(rest, 1)
        for age in 0..<running.count {
            let index = byAge[age]
            let isDecoding = states[index].pointee.isDecoding
            chunks[index] = isDecoding ? 1 : min(rest, states[index].pointee.pending)
            if !isDecoding { rest -= chunks[index] }
        }
    }

    /// Wanted are readings of the row each next token is predicted from, and of the whole prompt for requests that ask.
    private func askForObservations(in plan: BatchPlan) {
        for number in 0..<scheduledCount where scheduled[number].state.pointee.observes {
            let item = scheduled[number]
            let first = item.state.pointee.observesPrompt ? item.firstRow : item.firstRow + item.count - 1
            for row in first..<item.firstRow + item.count { plan.observations.want(row: row) }
        }
    }
}

/// A sequence's part of one step: `count` rows of the plan from `firstRow` on hold its tokens from `firstPosition` on.
struct ScheduledRows: BitwiseCopyable {
    let state: UnsafeMutablePointer<SequenceState>
    /// In `Scheduler.running`.
    let index: Int
    let firstRow: Int
    let count: Int
    let firstPosition: Int
    /// A token was drawn and appended.
    var hasToken = false

    /// The position whose token stands in `row`.
    func position(_ row: Int) -> Int { firstPosition + row - firstRow }
}
