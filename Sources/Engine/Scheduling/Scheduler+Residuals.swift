import Models

/// Rows of prompts that begin above the layers their adapters leave alone, where the residual cache has what those layers make of the
/// prefix; and what the cache takes from this step.
///
/// When several sequences are about to read the same block, the oldest computes the lower layers and the others wait for the next step:
/// one prompt under many adapters goes through the shared layers once.
extension Scheduler {
    /// A sequence's rows in a step: `entering` ones that begin above `layers` blocks, then `fresh` ones that begin at the bottom.
    struct Chunk: BitwiseCopyable {
        var entering = 0
        var layers = 0
        /// Where in `entered` the entries of its blocks begin.
        var firstEntry = 0
        var fresh = 0

        var count: Int { entering + fresh }
    }

    func beginChunks() {
        if !entered.isEmpty { entered.removeAll(keepingCapacity: true) }
        captures = false
    }

    /// Asked only while somebody reads a prompt.
    var sharesLayers: Bool { residuals?.isAsked ?? false }

    /// The rows of a sequence that reads its prompt, at most `limit` of them.
    func chunk(of sequence: SequenceHandle, atMost limit: Int) -> Chunk {
        var chunk = Chunk()
        guard let residuals, limit > 0 else { return chunk }
        if !captures { residuals.beginStep() }
        captures = true
        let (start, last) = (sequence.computed, sequence.tokenCount)
        var end = min(start + limit, last)
        var rest = start
        if let match = residuals.match(sequence, from: start / KVBlock.tokens) {
            rest = min(end, match.slots.endIndex * KVBlock.tokens)
            chunk.entering = rest - start
            chunk.layers = match.layers
            chunk.firstEntry = entered.count
            let blocks = start / KVBlock.tokens..<KVBlock.count(tokens: rest)
            for block in blocks { residuals.restore(match.slots[block], layers: match.layers, to: block, of: sequence) }
            entered += match.slots[blocks]
            // What follows may have entries with fewer layers, for the next step.
            if rest < end, residuals.match(sequence, from: rest / KVBlock.tokens) != nil { end = rest }
        }
        if rest < end, let coming = residuals.firstComing(sequence, rest / KVBlock.tokens..<KVBlock.count(tokens: end)) {
            end = max(rest, coming * KVBlock.tokens)
        }
        // Only blocks that are computed in one step become entries.
        if end < last, end / KVBlock.tokens * KVBlock.tokens > rest { end = end / KVBlock.tokens * KVBlock.tokens }
        chunk.fresh = end - rest
        residuals.capture(sequence, start..<end, entered: rest, above: chunk.layers)
        return chunk
    }

    /// Adds the rows that begin above the bottom: those with fewest layers behind them first, as a plan wants them.
    func appendEntering(to plan: BatchPlan) {
        guard let residuals else { return }
        var layers = 0
        while let next = (0..<running.count).lazy.map({ self.chunks[$0].layers }).filter({ $0 > layers }).min() {
            layers = next
            for index in 0..<running.count where chunks[index].layers == layers && chunks[index].entering > 0 {
                let (sequence, chunk) = (states[index], chunks[index])
                let start = sequence.computed
                schedule(index, from: start, chunk.entering, firstRow: plan.rowCount, layer: layers)
                for position in start..<start + chunk.entering {
                    let entry = entered[chunk.firstEntry + position / KVBlock.tokens - start / KVBlock.tokens]
                    plan.append(
                        token: sequence.tokens[position], position: position,
                        promptLength: sequence.promptLengthForAdapters, blockTable: UnsafePointer(sequence.blocks),
                        adapters: sequence.adapters.takeUnretainedValue(), wantsOutput: sequence.wantsOutput(position),
                        isInsideThink: sequence.isInsideThink(position), fits: sequence.fits(at: position),
                        enteringAt: layers, with: residuals.residual(entry, at: position % KVBlock.tokens))
                }
            }
        }
    }

    /// Has the pass copy what the residual cache takes.
    func planCaptures(in plan: BatchPlan) {
        guard let residuals else { return }
        for capture in residuals.captures {
            for number in 0..<scheduledCount where scheduled[number].state == capture.sequence {
                let item = scheduled[number]
                guard item.firstPosition <= capture.positions.lowerBound, capture.positions.upperBound <= item.endPosition else { continue }
                let row = item.firstRow + capture.positions.lowerBound - item.firstPosition
                plan.copyResiduals(of: row..<row + capture.positions.count, after: capture.layers, to: residuals.target(capture))
            }
        }
    }

    /// The pass is over, and nothing has been drawn from it yet.
    func commitCaptures() { residuals?.commit() }
}
