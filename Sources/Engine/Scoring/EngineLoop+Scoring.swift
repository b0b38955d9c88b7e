import Models
import Tensors

extension EngineLoop {
    /// Scores a sequence's output rows. Logits of both sides are computed a tile at a time, so that the head is read once for many rows.
    ///
    /// - Parameters:
    ///   - hidden: `[plan.outputRows.count, hidden]`
    ///   - first: index of the item's first output row, if it has any.
    /// - Returns: how many output rows the item has.
    func score(_ item: ScheduledRows, hidden: MatrixView, from first: Int) -> Int {
        let sequence = scheduler.running[item.index]
        let end = first + outputCount(item, from: first)
        guard let scorer = sequence.scorer else { return end - first }
        var tile = first
        while tile < end {
            let rows = tile..<min(tile + Self.logitRows, end)
            score(rows, item, scorer, top: sequence.request.promptLogprobs ?? 0, hidden: hidden.rows(rows))
            tile = rows.upperBound
        }
        return end - first
    }

    private func score(_ outputs: Range<Int>, _ item: ScheduledRows, _ scorer: TextScorer, top: Int, hidden: MatrixView) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let tokens = item.state.tokens
        // The row of the last token predicts nothing that could be scored.
        let indices = outputs.map { item.position(plan.outputRows[$0]) + 1 - scorer.scoring.from }
        let last = item.state.tokenCount - scorer.scoring.from
        let scored = indices.filter { $0 < last }.count
        guard scored > 0 else { return }
        let logits = model.logits(hidden.rows(0..<scored), pool: pool, workspace: workspace)
        let reference = scorer.scoring.reference.map {
            model.logits($0.view.rows(indices[0]..<indices[0] + scored), pool: pool, workspace: workspace)
        }
        for row in 0..<scored {
            mask.apply(to: logits.row(row))
            if let reference { mask.apply(to: reference.row(row)) }
            let comparison = reference.map {
                DistributionComparison(logits.row(row), against: $0.row(row), count: vocabulary, pool: pool)
            }
            scorer.keep(
                indices[row], logprobs(tokens[scorer.scoring.from + indices[row]], logits.row(row), top: top),
                divergence: comparison?.divergence, hidden: hidden.row(row), width: hidden.columns)
        }
    }
}
