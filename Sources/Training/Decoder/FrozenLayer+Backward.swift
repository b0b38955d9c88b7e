import Models
import Tensors

extension FrozenLayer {
    /// Turns dh [T, hidden], the gradient of the layer's output, into that of its input, and adds to the gradients of its LoRAs.
    /// - Parameters:
    ///   - splice: what replaced the MLP's output. Without a gradient through it, nothing behind it in the MLP gets one.
    ///   - needsInput: false when nobody reads the result: the last products are then left out.
    func backward(_ dh: MatrixView, trace: LayerTrace, splice: SAESplice? = nil, needsInput: Bool, pass: LayerPass) {
        if splice?.gradient != .cut { feedForwardBackward(dh, trace: trace, splice: splice, pass: pass) }
        attentionBackward(dh, trace: trace, needsInput: needsInput, pass: pass)
    }

    private func feedForwardBackward(_ dh: MatrixView, trace: LayerTrace, splice: SAESplice?, pass: LayerPass) {
        let (workspace, pool, ffn) = (pass.workspace, pass.pool, pass.config.ffnSize)
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        var dUpdate = dh
        if let splice {
            dUpdate = workspace.matrix(dh.rows, dh.columns)
            dUpdate.copy(from: dh)
            splice.backward(dUpdate, pass: pass)
        }
        let dGateUp = workspace.matrix(dh.rows, 2 * ffn)
        let (dGate, dUp) = (dGateUp.columns(0..<ffn), dGateUp.columns(ffn..<2 * ffn))
        let dActivated = workspace.matrix(dh.rows, ffn)
        back(.down, trace.activated, dy: dUpdate, into: dActivated, trace: trace, pass: pass)
        RowOperations.swiGLUBackward(trace.gateUp, dActivated, dGate: dGate, dUp: dUp, pool: pool)
        let dInput = workspace.matrix(dh.rows, dh.columns)
        back(.gate, trace.feedForwardInput, dy: dGate, into: dInput, trace: trace, pass: pass)
        back(.up, trace.feedForwardInput, dy: dUp, into: dInput, add: true, trace: trace, pass: pass)
        normBackward(trace.middle, postAttentionNorm, dInput, into: dh, pass: pass)
    }

    private func attentionBackward(_ dh: MatrixView, trace: LayerTrace, needsInput: Bool, pass: LayerPass) {
        let (workspace, config) = (pass.workspace, pass.config)
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let dMixed = workspace.matrix(dh.rows, trace.mixed.columns)
        back(.o, trace.mixed, dy: dh, into: dMixed, trace: trace, pass: pass)
        let dq = workspace.matrix(dh.rows, trace.q.columns)
        let dk = workspace.matrix(dh.rows, trace.k.columns)
        let dv = workspace.matrix(dh.rows, trace.v.columns)
        attention(config).backward(
            q: trace.q, k: trace.k, v: trace.v, out: trace.mixed, dOut: dMixed, dq: dq, dk: dk, dv: dv, pool: pass.pool,
            workspace: workspace)
        rotate(dq, heads: config.heads, pass.inverseCosSin, pass)
        rotate(dk, heads: config.kvHeads, pass.inverseCosSin, pass)
        let dPlainQuery = normRunsBackward(trace.plainQuery, queryNorm, dq, pass: pass)
        let dPlainKey = normRunsBackward(trace.plainKey, keyNorm, dk, pass: pass)
        let dInput = needsInput ? workspace.matrix(dh.rows, dh.columns) : nil
        back(.q, trace.attentionInput, dy: dPlainQuery, into: dInput, trace: trace, pass: pass)
        back(.k, trace.attentionInput, dy: dPlainKey, into: dInput, add: true, trace: trace, pass: pass)
        back(.v, trace.attentionInput, dy: dv, into: dInput, add: true, trace: trace, pass: pass)
        if let dInput { normBackward(trace.input, inputNorm, dInput, into: dh, pass: pass) }
    }

    private func back(
        _ slot: Slot, _ x: MatrixView, dy: MatrixView, into dx: MatrixView?, add: Bool = false, trace: LayerTrace,
        pass: LayerPass
    ) {
        projection(slot).backward(x: x, reduced: trace.reduced[slot.rawValue], dy: dy, into: dx, add: add, pass: pass)
    }

    /// The gradient of what `normRuns` read, in the workspace; dy where there is no norm. Overwrites dy.
    private func normRunsBackward(_ x: MatrixView, _ weight: FrozenVector?, _ dy: MatrixView, pass: LayerPass) -> MatrixView {
        guard let weight else { return dy }
        let dx = pass.workspace.matrix(dy.rows, dy.columns)
        dx.fill(0)
        for start in stride(from: 0, to: x.columns, by: weight.count) {
            let run = start..<start + weight.count
            normBackward(x.columns(run), weight, dy.columns(run), into: dx.columns(run), pass: pass)
        }
        return dx
    }

    /// dh += the gradient that dy, of the norm's result, means for its argument x. Overwrites dy.
    private func normBackward(_ x: MatrixView, _ weight: FrozenVector, _ dy: MatrixView, into dh: MatrixView, pass: LayerPass) {
        RowOperations.rmsNormBackward(
            x, weight: weight.pointer, epsilon: pass.config.rmsEpsilon, dy, addingTo: dh, pool: pass.pool)
    }
}
