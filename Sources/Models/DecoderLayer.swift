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
    let output: PackedMatrix
    let outputBias: ParameterVector?
    /// `[2 * ffn, hidden]`, gate first.
    let gateUp: PackedMatrix
    let gateUpBias: ParameterVector?
    let down: PackedMatrix
    let downBias: ParameterVector?

    init(
        inputNorm: ParameterVector, postAttentionNorm: ParameterVector,
        qkv: PackedMatrix, qkvBias: ParameterVector?,
        output: PackedMatrix, outputBias: ParameterVector?,
        gateUp: PackedMatrix, gateUpBias: ParameterVector?,
        down: PackedMatrix, downBias: ParameterVector?
    ) {
        self.inputNorm = inputNorm
        self.postAttentionNorm = postAttentionNorm
        self.qkv = qkv
        self.qkvBias = qkvBias
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

    private func attention(_ x: MatrixView, layer: Int, into y: MatrixView, pass: borrowing DecoderPass) {
        let config = pass.config
        let queryWidth = config.heads * config.headDim
        let keyValueWidth = config.kvHeads * config.headDim
        let projected = pass.workspace.matrix(x.rows, queryWidth + 2 * keyValueWidth)
        qkv.multiply(x, into: projected, bias: qkvBias?.pointer, pool: pass.pool, workspace: pass.workspace)
        let q = projected.columns(0..<queryWidth)
        let k = projected.columns(queryWidth..<(queryWidth + keyValueWidth))
        let v = projected.columns((queryWidth + keyValueWidth)..<(queryWidth + 2 * keyValueWidth))
        adapt(.q, layer, x: x, y: q, pass: pass)
        adapt(.k, layer, x: x, y: k, pass: pass)
        adapt(.v, layer, x: x, y: v, pass: pass)
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
                scale: 1 / Float(config.headDim).squareRoot(), layout: cache.layout, into: mixed, pool: pass.pool,
                workspace: pass.workspace)
        }
        output.multiply(mixed, into: y, bias: outputBias?.pointer, pool: pass.pool, workspace: pass.workspace)
        adapt(.o, layer, x: mixed, y: y, pass: pass)
    }

    private func feedForward(_ x: MatrixView, layer: Int, into y: MatrixView, pass: borrowing DecoderPass) {
        let ffn = pass.config.ffnSize
        let projected = pass.workspace.matrix(x.rows, 2 * ffn)
        gateUp.multiply(x, into: projected, bias: gateUpBias?.pointer, pool: pass.pool, workspace: pass.workspace)
        adapt(.gate, layer, x: x, y: projected.columns(0..<ffn), pass: pass)
        adapt(.up, layer, x: x, y: projected.columns(ffn..<(2 * ffn)), pass: pass)
        guard isAdapted(.down, layer, rows: x.rows, pass: pass) else {
            return down.multiplySwiGLU(projected, into: y, bias: downBias?.pointer, pool: pass.pool, workspace: pass.workspace)
        }
        let activated = pass.workspace.matrix(x.rows, ffn)
        RowOperations.swiGLU(projected, into: activated, pool: pass.pool)
        down.multiply(activated, into: y, bias: downBias?.pointer, pool: pass.pool, workspace: pass.workspace)
        adapt(.down, layer, x: activated, y: y, pass: pass)
    }

    /// Adds the LoRA updates of each segment: `y += strength * s * B(A x)`.
    private func adapt(_ module: ProjectionModule, _ layer: Int, x: MatrixView, y: MatrixView, pass: borrowing DecoderPass) {
        for segment in pass.plan.segments where !segment.isBase && segment.rows.upperBound <= x.rows {
            for entry in segment.adapters.loras(layer: layer, module: module) {
                entry.update.apply(
                    x: x.rows(segment.rows), into: y.rows(segment.rows), strength: entry.strength, pool: pass.pool,
                    workspace: pass.workspace)
            }
        }
    }

    /// Whether some segment of the first `rows` rows has a LoRA on that projection.
    private func isAdapted(_ module: ProjectionModule, _ layer: Int, rows: Int, pass: borrowing DecoderPass) -> Bool {
        for segment in pass.plan.segments where !segment.isBase && segment.rows.upperBound <= rows {
            if !segment.adapters.loras(layer: layer, module: module).isEmpty { return true }
        }
        return false
    }

    /// Runs what each segment does at `hookpoint`, in the order the request named them.
    private func intervene(_ hookpoint: HookPoint, on x: MatrixView, input: MatrixView?, pass: borrowing DecoderPass) {
        guard let contexts = pass.plan.contexts.baseAddress else { return }
        for segment in pass.plan.segments where !segment.isBase && segment.rows.upperBound <= x.rows {
            for action in segment.adapters.actions(at: hookpoint) {
                action.apply(
                    to: x.rows(segment.rows), input: input?.rows(segment.rows), rows: contexts + segment.rows.lowerBound,
                    observations: pass.plan.observations, pool: pass.pool, workspace: pass.workspace)
            }
        }
    }
}
