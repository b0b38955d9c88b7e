import Adapters
import Models
import Tensors

/// One transformer block with frozen weights: `h += o(attention(qkv(norm(h))))`, with norms of queries and keys where the model has them, `h += down(silu(gate(norm(h))) * up(norm(h)))`, with a LoRA
/// on any of the seven projections; forward, and backward by hand.
package final class FrozenLayer: Sendable {
    let index: Int
    let inputNorm: FrozenVector
    let postAttentionNorm: FrozenVector
    /// Of runs of as many columns of queries and keys as they have elements; nil where those are not normalised.
    let queryNorm: FrozenVector?
    let keyNorm: FrozenVector?
    /// In the order of `ProjectionModule.allCases`.
    let projections: [AdaptedProjection]

    init(_ reader: WeightReader, index: Int, precision: TrainingPrecision, pool: WorkerPool) throws {
        self.index = index
        inputNorm = FrozenVector(try reader.vector(WeightPlace(.attentionNorm, layer: index)))
        postAttentionNorm = FrozenVector(try reader.vector(WeightPlace(.feedForwardNorm, layer: index)))
        func vector(_ place: WeightPlace) throws -> FrozenVector? {
            reader.shape(place) == nil ? nil : FrozenVector(try reader.vector(place))
        }
        queryNorm = try vector(WeightPlace(.queryNorm, layer: index))
        keyNorm = try vector(WeightPlace(.keyNorm, layer: index))
        projections = try ProjectionModule.allCases.enumerated().map { slot, module in
            AdaptedProjection(
                matrix: try FrozenMatrix(reader, WeightPlace(.projection(module), layer: index), precision: precision, pool: pool),
                bias: try reader.bias(module, layer: index).map { FrozenVector($0) }, layer: index, slot: slot)
        }
    }

    var byteCount: Int { projections.reduce(0) { $0 + $1.matrix.byteCount } }

    func projection(_ module: Slot) -> AdaptedProjection { projections[module.rawValue] }

    /// `ProjectionModule.allCases` by number.
    enum Slot: Int { case q, k, v, o, gate, up, down }

    /// Updates h [T, hidden] in place and fills `trace`. `splice` replaces the MLP's output where it is to be; `observe` sees it as it was.
    func forward(
        _ h: MatrixView, trace: LayerTrace, splice: SAESplice? = nil, pass: LayerPass, observe: (MatrixView) -> Void = { _ in }
    ) {
        fill(trace, from: h, pass: pass)
        let mark = pass.workspace.mark()
        defer { pass.workspace.release(mark) }
        let update = pass.workspace.matrix(h.rows, h.columns)
        run(.down, trace.activated, into: update, trace: trace, pass: pass)
        observe(update)
        splice?.apply(to: update, pass: pass)
        h.copy(from: trace.middle)
        RowOperations.add(update, to: h, pool: pass.pool)
    }

    /// Fills `trace` from the layer's input without going on to its output, for a backward pass that comes next.
    func refill(_ trace: LayerTrace, from h: MatrixView, pass: LayerPass) {
        fill(trace, from: h, pass: pass)
        projection(.down).reduce(trace.activated, into: trace.reduced[Slot.down.rawValue], pass: pass)
    }

    /// Everything but the last projection.
    private func fill(_ trace: LayerTrace, from h: MatrixView, pass: LayerPass) {
        let (config, pool) = (pass.config, pass.pool)
        trace.input.copy(from: h)
        norm(trace.input, inputNorm, into: trace.attentionInput, pass: pass)
        run(.q, trace.attentionInput, into: trace.plainQuery, trace: trace, pass: pass)
        run(.k, trace.attentionInput, into: trace.plainKey, trace: trace, pass: pass)
        run(.v, trace.attentionInput, into: trace.v, trace: trace, pass: pass)
        normRuns(trace.plainQuery, queryNorm, into: trace.q, pass: pass)
        normRuns(trace.plainKey, keyNorm, into: trace.k, pass: pass)
        rotate(trace.q, heads: config.heads, pass.cosSin, pass)
        rotate(trace.k, heads: config.kvHeads, pass.cosSin, pass)
        attention(config).forward(
            q: trace.q, k: trace.k, v: trace.v, into: trace.mixed, pool: pool, workspace: pass.workspace)
        run(.o, trace.mixed, into: trace.middle, trace: trace, pass: pass)
        RowOperations.add(trace.input, to: trace.middle, pool: pool)

        norm(trace.middle, postAttentionNorm, into: trace.feedForwardInput, pass: pass)
        let ffn = config.ffnSize
        run(.gate, trace.feedForwardInput, into: trace.gateUp.columns(0..<ffn), trace: trace, pass: pass)
        run(.up, trace.feedForwardInput, into: trace.gateUp.columns(ffn..<2 * ffn), trace: trace, pass: pass)
        RowOperations.activate(trace.gateUp, .silu, into: trace.activated, pool: pool)
    }

    func attention(_ config: ModelConfig) -> CausalAttention {
        CausalAttention(heads: config.heads, kvHeads: config.kvHeads, headDim: config.headDim)
    }

    func rotate(_ x: MatrixView, heads: Int, _ table: MatrixView, _ pass: LayerPass) {
        RowOperations.rotate(
            x, heads: heads, headDim: pass.config.headDim, cosSin: table, pool: pass.pool)
    }

    private func run(_ slot: Slot, _ x: MatrixView, into y: MatrixView, trace: LayerTrace, pass: LayerPass) {
        projection(slot).forward(x, into: y, reduced: trace.reduced[slot.rawValue], pass: pass)
    }

    /// Heads by themselves; nothing where there is no norm, and both matrices are one.
    private func normRuns(_ x: MatrixView, _ weight: FrozenVector?, into y: MatrixView, pass: LayerPass) {
        guard let weight else { return }
        for start in stride(from: 0, to: x.columns, by: weight.count) {
            let run = start..<start + weight.count
            norm(x.columns(run), weight, into: y.columns(run), pass: pass)
        }
    }

    private func norm(_ x: MatrixView, _ weight: FrozenVector, into y: MatrixView, pass: LayerPass) {
        RowOperations.rmsNorm(x, weight: weight.pointer, epsilon: pass.config.rmsEpsilon, into: y, pool: pass.pool)
    }
}
