import Adapters
import Tensors

/// Reads whole texts with a model, from their beginning, for whoever looks into what it makes of them: no scheduler, no requests.
///
/// Texts have a cache of their own and are read some tokens in a pass. What is kept of each position is up to the caller: nothing, normalised
/// hidden states, and with those logits; or activations, by taps in the adapter set or by copies. Owned by one thread.
package final class TextReader {
    /// Which positions' hidden states come back.
    package enum Kept { case nothing, last, all }

    package let model: any LanguageModel
    package let workspace: Workspace
    package let pool: WorkerPool
    let plan = BatchPlan()
    private let cache: KVCache
    /// Block tables of all texts, `blocksEach` entries each.
    private let tables: AlignedBuffer<Int32>
    private let blocksEach: Int

    /// - Parameters:
    ///   - kv: how keys and values are held; nil for what goes with the model's weights.
    ///   - texts: that are held at once.
    ///   - positions: tokens of the longest text.
    ///   - workspace: what comes back lies there until the caller releases it.
    package init(
        _ model: any LanguageModel, kv: KVFormat? = nil, texts: Int = 1, positions: Int, pool: WorkerPool,
        workspace: Workspace = Workspace()
    ) {
        (self.model, self.pool, self.workspace) = (model, pool, workspace)
        blocksEach = Self.blocks(positions)
        cache = KVCache(
            layout: model.config.kvLayout(kv ?? KVFormat(for: model.format)), layers: model.config.layers, blockCount: blocksEach * texts)
        tables = AlignedBuffer(count: blocksEach * texts)
        for index in 0..<tables.count { tables.pointer[index] = Int32(index) }
    }

    private static func blocks(_ positions: Int) -> Int { (positions + KVLayout.blockTokens - 1) / KVLayout.blockTokens }

    private func table(_ text: Int) -> UnsafePointer<Int32> { UnsafePointer(tables.pointer + text * blocksEach) }

    /// Reads a text, every token of which counts as prompt.
    /// - Parameters:
    ///   - text: its number among those held.
    ///   - layers: blocks that are run; with fewer than all of them nothing can be kept.
    ///   - chunk: tokens in a pass.
    /// - Returns: normalised hidden states of the positions kept, `[positions, hidden]`, in the workspace.
    @discardableResult
    package func read(
        _ tokens: some Collection<Int32>, as text: Int = 0, keeping kept: Kept, adapters: AdapterSet = .none, layers: Int = .max,
        chunk: Int = .max
    ) -> MatrixView {
        let count = tokens.count
        if count == 0 { return workspace.matrix(0, model.config.hiddenSize) }
        let isWhole = chunk >= count
        let target = kept == .all && !isWhole ? workspace.matrix(count, model.config.hiddenSize) : nil
        var next = tokens.startIndex
        var first = 0
        while true {
            let end = first + min(chunk, count - first)
            begin(layers: layers)
            for position in first..<end {
                let isKept = kept == .all || (kept == .last && position == count - 1)
                append(tokens[next], at: position, of: text, promptLength: count, adapters: adapters, wantsOutput: isKept)
                tokens.formIndex(after: &next)
            }
            let isLast = end == count
            let mark = workspace.mark()
            let hidden = run()
            if let target { target.rows(first..<end).copy(from: hidden) }
            if target != nil || !isLast || kept == .nothing { workspace.release(mark) }
            if isLast { return target ?? hidden }
            first = end
        }
    }

    /// Gives each of some texts, from the first on, its next token.
    /// - Parameters:
    ///   - position: that of all of them.
    ///   - adapters: dealt out to runs of texts.
    ///   - observes: whether what observing interventions read is collected.
    /// - Returns: logits `[texts, vocabulary]`, in the workspace.
    package func step(_ tokens: [Int32], position: Int, promptLength: Int, adapters: [AdapterSet], observes: Bool) -> MatrixView {
        begin()
        for (text, token) in tokens.enumerated() {
            append(
                token, at: position, of: text, promptLength: promptLength, adapters: adapters[text * adapters.count / tokens.count],
                wantsOutput: true)
        }
        return logits(run(observes: observes))
    }

    /// Gives further texts what the first one holds of its first `positions` tokens.
    package func copyFirst(positions: Int, to texts: Range<Int>) {
        for text in texts {
            for block in 0..<Self.blocks(positions) { cache.copyBlock(from: Int(table(0)[block]), to: Int(table(text)[block])) }
        }
    }

    /// Logits `[rows, vocabulary]` of normalised hidden states, in the workspace.
    package func logits(_ hidden: MatrixView) -> MatrixView { model.logits(hidden, pool: pool, workspace: workspace) }

    /// Logits `[rows, vocabulary]` of residual streams `[rows, hidden]` as if they came out of the last block, in the workspace.
    package func logits(ofResiduals rows: MatrixView) -> MatrixView {
        begin()
        for row in 0..<rows.rows {
            plan.append(
                token: 0, position: 0, promptLength: 1, blockTable: table(0), adapters: .none, wantsOutput: true,
                enteringAt: model.config.layers, with: UnsafePointer(rows.row(row)))
        }
        return logits(run())
    }

    func begin(layers: Int = .max) {
        plan.removeAll()
        plan.layerLimit = layers
    }

    @discardableResult
    func append(
        _ token: Int32, at position: Int, of text: Int, promptLength: Int, adapters: AdapterSet = .none, wantsOutput: Bool
    ) -> Int {
        plan.append(
            token: token, position: position, promptLength: promptLength, blockTable: table(text), adapters: adapters,
            wantsOutput: wantsOutput)
    }

    /// Computes what was appended.
    func run(observes: Bool = false) -> MatrixView {
        plan.observations.begin(rows: plan.rowCount)
        if observes { for row in 0..<plan.rowCount { plan.observations.want(row: row) } }
        return model.forward(plan, cache: cache, pool: pool, workspace: workspace)
    }
}

extension TextReader {
    /// Reads texts in one pass, no higher than the last of `hookpoints`, and writes the activations of the wanted tokens there, in order.
    /// - Parameters:
    ///   - targets: of each hookpoint, `[tokens, hidden]`.
    ///   - written: rows of the targets that are taken already.
    ///   - wanted: whether a token counts.
    /// - Returns: how many were wanted.
    package func copyActivations(
        of texts: some Collection<[Int32]>, at hookpoints: [HookPoint], into targets: [UnsafeMutablePointer<Float>], after written: Int,
        wanted: (_ position: Int, _ token: Int32) -> Bool
    ) -> Int {
        begin(layers: (hookpoints.map(\.layer).max() ?? 0) + 1)
        var count = 0
        var rows = 0..<0
        func order() {
            guard !rows.isEmpty else { return }
            for (hookpoint, target) in zip(hookpoints, targets) {
                plan.copyActivations(of: rows, at: hookpoint, to: target + (written + count) * model.config.hiddenSize)
            }
            count += rows.count
        }
        for (index, text) in texts.enumerated() {
            for (position, token) in text.enumerated() {
                let row = append(token, at: position, of: index, promptLength: text.count, wantsOutput: false)
                guard wanted(position, token) else { continue }
                if row != rows.upperBound {
                    order()
                    rows = row..<row
                }
                rows = rows.lowerBound..<row + 1
            }
        }
        order()
        let mark = workspace.mark()
        _ = run()
        workspace.release(mark)
        return count
    }
}
