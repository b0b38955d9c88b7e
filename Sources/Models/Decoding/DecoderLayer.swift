import Adapters
import Tensors

/// One block of the decoder. Query, key and value projections are packed as one matrix, gate and up as another, so that
/// each step reads its input once.
final class DecoderLayer: Sendable {
    let inputNorm: ParameterVector
    let postAttentionNorm: ParameterVector
    /// `[queryWidth + 2 * keyValueWidth, hidden]`
    let qkv: PackedMatrix
    let qkvBias: ParameterVector?
    /// `[headDim]`; nil where heads are not normalised.
    let queryNorm: ParameterVector?
    let keyNorm: ParameterVector?
    let output: PackedMatrix
    let outputBias: ParameterVector?
    /// `[2 * ffn, hidden]`, gate first.
    let gateUp: PackedMatrix
    let gateUpBias: ParameterVector?
    let down: PackedMatrix
    let downBias: ParameterVector?

    init(
        inputNorm: ParameterVector, postAttentionNorm: ParameterVector,
        qkv: PackedMatrix, qkvBias: ParameterVector?, queryNorm: ParameterVector?, keyNorm: ParameterVector?,
        output: PackedMatrix, outputBias: ParameterVector?,
        gateUp: PackedMatrix, gateUpBias: ParameterVector?,
        down: PackedMatrix, downBias: ParameterVector?
    ) {
        self.inputNorm = inputNorm
        self.postAttentionNorm = postAttentionNorm
        self.qkv = qkv
        self.qkvBias = qkvBias
        self.queryNorm = queryNorm
        self.keyNorm = keyNorm
        self.output = output
        self.outputBias = outputBias
        self.gateUp = gateUp
        self.gateUpBias = gateUpBias
        self.down = down
        self.downBias = downBias
    }

    var byteCount: Int { qkv.byteCount + output.byteCount + gateUp.byteCount + down.byteCount }

    /// Updates `hidden` `[rows, hidden]`, the plan's first rows, in place and appends this layer's keys and values to the cache. What hooks
    /// into the block's output is left to `intervene`.
    func forward(_ hidden: MatrixView, layer: Int, pass: borrowing DecoderPass) {
        let mark = pass.workspace.mark()
        defer { pass.workspace.release(mark) }
        let normalised = pass.workspace.matrix(hidden.rows, hidden.columns)
        let update = pass.workspace.matrix(hidden.rows, hidden.columns)

        norm(hidden, inputNorm, into: normalised, pass: pass)
        attention(normalised, layer: layer, into: update, pass: pass)
        RowOperations.add(update, to: hidden, pool: pass.pool)

        norm(hidden, postAttentionNorm, into: normalised, pass: pass)
        feedForward(normalised, layer: layer, into: update, pass: pass)
        Decoder.copy(pass.plan.outputCopies, from: update, layer: layer)
        intervene(.mlp(layer: layer), on: update, input: normalised, pass: pass)
        RowOperations.add(update, to: hidden, pool: pass.pool)
    }

    /// Runs the interventions on the block's output, on the plan's first rows: those that went through the block, and those that enter
    /// after it.
    func intervene(on hidden: MatrixView, layer: Int, pass: borrowing DecoderPass) {
        intervene(.residual(layer: layer), on: hidden, input: nil, pass: pass)
    }

    private func norm(_ x: MatrixView, _ weight: ParameterVector, into y: MatrixView, pass: borrowing DecoderPass) {
        RowOperations.rmsNorm(x, weight: weight.pointer, epsilon: pass.config.rmsEpsilon, into: y, pool: pass.pool)
    }

    /// Each head of each row by itself, in place.
    private func normHeads(_ x: MatrixView, _ heads: Int, _ weight: ParameterVector, pass: borrowing DecoderPass) {
        let width = pass.config.headDim
        for head in 0..<heads {
            let part = x.columns(head * width..<(head + 1) * width)
            norm(part, weight, into: part, pass: pass)
        }
    }

    private func attention(_ x: MatrixView, layer: Int, into y: MatrixView, pass: borrowing DecoderPass) {
        let config = pass.config
        let queryWidth = config.heads * config.headDim
        let keyValueWidth = config.kvHeads * config.headDim
        let projected = pass.workspace.matrix(x.rows, queryWidth + 2 * keyValueWidth)
        let projections = updates(
            layer, rows: x.rows, .q, .k, .v, columns: (0, queryWidth, queryWidth + keyValueWidth), pass: pass)
        qkv.multiply(
            x, into: projected, bias: qkvBias?.pointer, adding: projections, pool: pass.pool, workspace: pass.workspace)
        let q = projected.columns(0..<queryWidth)
        let k = projected.columns(queryWidth..<(queryWidth + keyValueWidth))
        let v = projected.columns((queryWidth + keyValueWidth)..<(queryWidth + 2 * keyValueWidth))
        if let queryNorm, let keyNorm {
            normHeads(q, config.heads, queryNorm, pass: pass)
            normHeads(k, config.kvHeads, keyNorm, pass: pass)
        }
        let cosSin = pass.cosSin.rows(0..<x.rows)
        RowOperations.rotate(
            q, heads: config.heads, headDim: config.headDim, cosSin: cosSin, layout: config.ropeLayout, pool: pass.pool)
        RowOperations.rotate(
            k, heads: config.kvHeads, headDim: config.headDim, cosSin: cosSin, layout: config.ropeLayout, pool: pass.pool)

        let mixed = pass.workspace.matrix(x.rows, queryWidth)
        if let rows = pass.plan.attention.baseAddress {
            let cache = pass.cache
            Attention.store(
                k: k, v: v, rows: rows, keys: cache.keys(layer), values: cache.values(layer), layout: cache.layout, pool: pass.pool)
            Attention.attend(
                q: q, rows: rows, keys: cache.keys(layer), values: cache.values(layer), heads: config.heads,
                scale: config.scoreScale, layout: cache.layout, into: mixed, pool: pass.pool,
                workspace: pass.workspace)
        }
        output.multiply(
            mixed, into: y, bias: outputBias?.pointer, adding: updates(layer, rows: x.rows, .o, pass: pass), pool: pass.pool,
            workspace: pass.workspace)
    }

    private func feedForward(_ x: MatrixView, layer: Int, into y: MatrixView, pass: borrowing DecoderPass) {
        let ffn = pass.config.ffnSize
        let projected = pass.workspace.matrix(x.rows, 2 * ffn)
        gateUp.multiply(
            x, into: projected, bias: gateUpBias?.pointer,
            adding: updates(layer, rows: x.rows, .gate, .up, columns: (0, ffn, 0), pass: pass), pool: pass.pool,
            workspace: pass.workspace)
        down.multiplyActivated(
            projected, .silu, into: y, bias: downBias?.pointer, adding: updates(layer, rows: x.rows, .down, pass: pass), pool: pass.pool,
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
