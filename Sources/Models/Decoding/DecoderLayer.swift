import Adapters
import Tensors

/// One block of the decoder. Query, key and value projections are packed as one matrix, gate and up as another, so that
/// each step reads its input once.
final class DecoderLayer: Sendable {
    /// Those that a block has: before attention and the MLP, of queries and keys (each head, or all heads together), behind attention and the MLP.
    struct Norms: BitwiseCopyable, Sendable {
        let attention: Norm?
        let query: Norm?
        let key: Norm?
        let attentionOutput: Norm?
        let feedForward: Norm?
        let feedForwardOutput: Norm?
    }

    private let norms: Norms
    /// `[queryWidth + 2 * keyValueWidth, hidden]`
    private let qkv: Projection
    private let output: Projection
    /// `[2 * ffn, hidden]`, gate first; `[ffn, hidden]` where there is no gate.
    private let gateUp: Projection
    private let down: Projection
    /// Positions that a token sees, itself among them; nil for all.
    private let window: Int?
    /// Which of the pass's rotary tables.
    private let rotary: Int

    init(norms: Norms, qkv: Projection, output: Projection, gateUp: Projection, down: Projection, window: Int?, rotary: Int) {
        self.norms = norms
        self.qkv = qkv
        self.output = output
        self.gateUp = gateUp
        self.down = down
        self.window = window
        self.rotary = rotary
    }

    var byteCount: Int { qkv.byteCount + output.byteCount + gateUp.byteCount + down.byteCount }

    /// Updates `hidden` `[rows, hidden]`, the plan's first rows, in place and appends this layer's keys and values to the cache. What hooks
    /// into the block's output is left to `intervene`.
    func forward(_ hidden: MatrixView, layer: Int, pass: borrowing DecoderPass) {
        let mark = pass.workspace.mark()
        defer { pass.workspace.release(mark) }
        let normalised = pass.workspace.matrix(hidden.rows, hidden.columns)
        let update = pass.workspace.matrix(hidden.rows, hidden.columns)
        // Where attention stands beside the MLP, its update waits until the MLP has read the block's input.
        let attended = pass.config.isParallel ? pass.workspace.matrix(hidden.rows, hidden.columns) : update

        attention(
            input(hidden, norms.attention, normalised, pass: pass), layer: layer, into: attended, pass: pass)
        normOutput(attended, norms.attentionOutput, pass: pass)
        if !pass.config.isParallel { RowOperations.add(attended, to: hidden, pool: pass.pool) }

        let feedForwardInput = input(hidden, norms.feedForward, normalised, pass: pass)
        feedForward(feedForwardInput, layer: layer, into: update, pass: pass)
        normOutput(update, norms.feedForwardOutput, pass: pass)
        Decoder.copy(pass.plan.outputCopies, from: update, layer: layer)
        intervene(.mlp(layer: layer), on: update, input: feedForwardInput, pass: pass)
        if pass.config.isParallel { RowOperations.add(attended, to: hidden, pool: pass.pool) }
        RowOperations.add(update, to: hidden, pool: pass.pool)
    }

    /// Runs the interventions on the block's output, on the plan's first rows: those that went through the block, and those that enter
    /// after it.
    func intervene(on hidden: MatrixView, layer: Int, pass: borrowing DecoderPass) {
        intervene(.residual(layer: layer), on: hidden, input: nil, pass: pass)
    }

    /// What a sub-layer reads: the residual stream, through the norm before it where there is one.
    private func input(_ hidden: MatrixView, _ norm: Norm?, _ normalised: MatrixView, pass: borrowing DecoderPass) -> MatrixView {
        guard let norm else { return hidden }
        norm.apply(to: hidden, into: normalised, pool: pass.pool)
        return normalised
    }

    /// The norm behind a sub-layer, in place. It would make zeros of numbers whose squares overflow, so such rows are marked before.
    private func normOutput(_ x: MatrixView, _ norm: Norm?, pass: borrowing DecoderPass) {
        guard let norm else { return }
        noteBroken(x, pass: pass)
        norm.apply(to: x, into: x, pool: pass.pool)
    }

    private func noteBroken(_ x: MatrixView, pass: borrowing DecoderPass) {
        if let contexts = pass.plan.contexts.baseAddress { Decoder.noteBroken(x, contexts, pool: pass.pool) }
    }

    private func attention(_ x: MatrixView, layer: Int, into y: MatrixView, pass: borrowing DecoderPass) {
        let config = pass.config
        let queryWidth = config.heads * config.headDim
        let keyValueWidth = config.kvHeads * config.headDim
        let projected = pass.workspace.matrix(x.rows, queryWidth + 2 * keyValueWidth)
        let projections = updates(
            layer, rows: x.rows, .q, .k, .v, columns: (0, queryWidth, queryWidth + keyValueWidth), pass: pass)
        qkv.multiply(x, into: projected, adding: projections, pool: pass.pool, workspace: pass.workspace)
        let q = projected.columns(0..<queryWidth)
        let k = projected.columns(queryWidth..<(queryWidth + keyValueWidth))
        let v = projected.columns((queryWidth + keyValueWidth)..<(queryWidth + 2 * keyValueWidth))
        // Norms and caps would hide what is not finite.
        if norms.query != nil || config.scoreCap != nil { noteBroken(projected, pass: pass) }
        norms.query?.applyToRuns(of: q, pool: pass.pool)
        norms.key?.applyToRuns(of: k, pool: pass.pool)
        if config.rotatedWidth > 0 {
            let table = pass.rotary[rotary].rows(0..<x.rows)
            RowOperations.rotate(q, heads: config.heads, headDim: config.headDim, cosSin: table, pool: pass.pool)
            RowOperations.rotate(k, heads: config.kvHeads, headDim: config.headDim, cosSin: table, pool: pass.pool)
        }

        let mixed = pass.workspace.matrix(x.rows, queryWidth)
        if let rows = pass.plan.attention.baseAddress {
            let cache = pass.cache
            Attention.store(
                k: k, v: v, rows: rows, keys: cache.keys(layer), values: cache.values(layer), layout: cache.layout, pool: pass.pool)
            Attention.attend(
                q: q, rows: rows, keys: cache.keys(layer), values: cache.values(layer), heads: config.heads,
                scale: config.scoreScale, cap: config.scoreCap, window: window, layout: cache.layout, into: mixed, pool: pass.pool,
                workspace: pass.workspace)
        }
        output.multiply(
            mixed, into: y, adding: updates(layer, rows: x.rows, .o, pass: pass), pool: pass.pool, workspace: pass.workspace)
    }

    private func feedForward(_ x: MatrixView, layer: Int, into y: MatrixView, pass: borrowing DecoderPass) {
        let (config, ffn) = (pass.config, pass.config.ffnSize)
        let projected = pass.workspace.matrix(x.rows, config.isGated ? 2 * ffn : ffn)
        let projections =
            config.isGated
            ? updates(layer, rows: x.rows, .gate, .up, columns: (0, ffn, 0), pass: pass) : updates(layer, rows: x.rows, .up, pass: pass)
        gateUp.multiply(x, into: projected, adding: projections, pool: pass.pool, workspace: pass.workspace)
        down.multiplyActivated(
            projected, config.activation, into: y, adding: updates(layer, rows: x.rows, .down, pass: pass), pool: pass.pool,
            workspace: pass.workspace)
    }

    /// The LoRA updates of the first `rows` rows at up to three projections that share their input, each of which puts its outputs out from
    /// its column on; in the workspace.
    private func updates(
        _ layer: Int, rows: Int, _ first: ProjectionModule, _ second: ProjectionModule? = nil, _ third: ProjectionModule? = nil,
        columns: (Int, Int, Int) = (0, 0, 0), pass: borrowing DecoderPass
    ) -> LowRankSegments {
        let segments = pass.plan.segments
        var adapted = 0
        for segment in segments where segment.isAdapted && segment.rows.upperBound <= rows { adapted += 1 }
        if adapted == 0 { return .none }
        let list = pass.workspace.allocate(LowRankSegment.self, 3 * adapted)
        var count = 0
        for segment in segments where segment.isAdapted && segment.rows.upperBound <= rows {
            func add(_ module: ProjectionModule, _ column: Int) {
                let found = segment.loras.updates(layer: layer, module: module)
                if found.count == 0 { return }
                list[count] = LowRankSegment(
                    firstRow: segment.rows.lowerBound, rows: segment.rows.count, column: column, updates: found.first, count: found.count)
                count += 1
            }
            add(first, columns.0)
            if let second { add(second, columns.1) }
            if let third { add(third, columns.2) }
        }
        return LowRankSegments(start: list, count: count)
    }

    /// Runs what each segment does at `hookpoint`, in the order the request named them.
    private func intervene(_ hookpoint: HookPoint, on x: MatrixView, input: MatrixView?, pass: borrowing DecoderPass) {
        guard let contexts = pass.plan.contexts.baseAddress else { return }
        for segment in pass.plan.segments where segment.isHooked && segment.rows.upperBound <= x.rows {
            var isFirst = true
            for action in segment.adapters.actions(at: hookpoint) {
                // What a splice replaces is seen by nobody after it.
                if isFirst { Decoder.noteBroken(x.rows(segment.rows), contexts + segment.rows.lowerBound, pool: pass.pool) }
                isFirst = false
                action.apply(
                    to: x.rows(segment.rows), input: input?.rows(segment.rows), rows: contexts + segment.rows.lowerBound,
                    observations: pass.plan.observations, pool: pass.pool, workspace: pass.workspace)
            }
        }
    }
}
