import Adapters
import Tensors

/// A transformer decoder: embedding, blocks of causal attention and an MLP, a final norm, a head. What its blocks are like, the architecture's
/// table and `BlockDescription` say.
package final class Decoder: LanguageModel {
    package let config: ModelConfig
    package let format: WeightFormat

    private let embeddings: TokenEmbeddings
    private let layers: [DecoderLayer]
    private let finalNorm: Norm
    private let head: Projection
    private let rotaries: Rotaries
    /// What norms point to.
    private let parameters: [ParameterVector]
    private let geometry: DecoderGeometry
    /// `layers`, which keeps them alive; an array's elements are counted each time they are read.
    private nonisolated(unsafe) let layerReferences: UnsafeMutablePointer<Unmanaged<DecoderLayer>>

    init(
        config: ModelConfig, format: WeightFormat, embeddings: TokenEmbeddings, layers: [DecoderLayer], finalNorm: Norm, head: Projection,
        rotaries: Rotaries, parameters: [ParameterVector]
    ) {
        self.config = config
        self.format = format
        self.embeddings = embeddings
        self.layers = layers
        self.finalNorm = finalNorm
        self.head = head
        self.rotaries = rotaries
        self.parameters = parameters
        geometry = DecoderGeometry(config)
        layerReferences = .allocate(capacity: max(layers.count, 1))
        for (index, layer) in layers.enumerated() { layerReferences[index] = .passUnretained(layer) }
    }

    deinit { layerReferences.deallocate() }

    package var bytesPerStep: Int { head.byteCount + layers.reduce(0) { $0 + $1.byteCount } }

    package var byteCount: Int {
        embeddings.byteCount + head.byteCount + layers.reduce(0) { $0 + $1.byteCount }
    }

    package func forward(_ plan: BatchPlan, cache: KVCache, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        let output = workspace.matrix(plan.outputRows.count, config.hiddenSize)
        let mark = workspace.mark()
        defer { workspace.release(mark) }

        let hidden = workspace.matrix(plan.rowCount, config.hiddenSize)
        let entering = plan.rowCount - plan.residuals.count
        if let tokens = plan.tokens.baseAddress, let positions = plan.positions.baseAddress {
            embeddings.write(tokens, at: positions, into: hidden.rows(0..<entering), pool: pool, workspace: workspace)
        }
        for index in 0..<plan.residuals.count {
            hidden.row(entering + index).update(from: plan.residuals[index], count: config.hiddenSize)
        }
        guard let positions = plan.positions.baseAddress else { return output }
        let tables = rotaries.tables(positions, rows: plan.rowCount, pool: pool, workspace: workspace)
        DecoderPass.lend(plan: plan, config: geometry, rotary: tables, cache: cache, pool: pool, workspace: workspace) { pass in
            for index in 0..<min(layers.count, plan.layerLimit) {
                let rows = hidden.rows(0..<plan.rowsEntered(after: index))
                layerReferences[index]._withUnsafeGuaranteedRef { if rows.rows > 0 { $0.forward(rows, layer: index, pass: pass) } }
                Self.copy(plan.residualCopies, from: hidden, layer: index + 1)
                let entered = hidden.rows(0..<plan.rowsEntered(after: index + 1))
                layerReferences[index]._withUnsafeGuaranteedRef { $0.intervene(on: entered, layer: index, pass: pass) }
            }
        }
        if let contexts = plan.contexts.baseAddress { Self.noteBroken(hidden, contexts, pool: pool) }
        guard output.rows > 0 else { return output }
        let selected = workspace.matrix(output.rows, config.hiddenSize)
        for index in 0..<output.rows {
            selected.row(index).update(from: hidden.row(plan.outputRows[index]), count: config.hiddenSize)
        }
        finalNorm.apply(to: selected, into: output, pool: pool)
        return output
    }

    /// Marks the rows of `x` that hold infinities, NaN, or numbers whose squares overflow: a norm makes NaN or nothing but zeros of them.
    /// The residual stream is only ever added to, so what breaks it anywhere is seen at its end, unless a splice replaces it before.
    static func noteBroken(_ x: MatrixView, _ contexts: UnsafeMutablePointer<RowContext>, pool: WorkerPool) {
        let tier = pool.instructionSet
        pool.forEachRow(x.rows, elements: x.columns) { row in
            if !RowOperations.sumOfSquares(x.row(row), count: x.columns, on: tier).isFinite { contexts[row].isBroken = true }
        }
    }

    /// Carries out the orders that name `layer`.
    static func copy(_ orders: UnsafeBufferPointer<BatchPlan.ResidualCopy>, from source: MatrixView, layer: Int) {
        for copy in orders where copy.layer == layer {
            let target = MatrixView(pointer: copy.target, rows: copy.rows.count, columns: source.columns)
            target.copy(from: source.rows(copy.rows))
        }
    }

    package func logits(_ hidden: MatrixView, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        let result = workspace.matrix(hidden.rows, config.vocabSize)
        head.multiply(hidden, into: result, adding: .none, pool: pool, workspace: workspace)
        if let cap = config.block.logitCap { RowOperations.cap(result, at: cap, pool: pool) }
        return result
    }
}

/// What every layer of one pass shares. Borrowed by all that use it: copies would count references.
struct DecoderPass: ~Copyable {
    let plan: BatchPlan
    let config: DecoderGeometry
    /// Cosines and sines of each row's position.
    let rotary: RotaryTables
    let cache: KVCache
    let pool: WorkerPool
    let workspace: Workspace

    /// Makes a pass of objects that the caller keeps alive, without counting them: the references are taken over uncounted, and given up
    /// again by never being destroyed.
    static func lend(
        plan: BatchPlan, config: DecoderGeometry, rotary: RotaryTables, cache: KVCache, pool: WorkerPool, workspace: Workspace,
        to body: (borrowing DecoderPass) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: DecoderPass.self, capacity: 1) { place in
            place.initializeElement(
                at: 0,
                to: DecoderPass(
                    plan: Unmanaged.passUnretained(plan).takeRetainedValue(), config: config, rotary: rotary,
                    cache: Unmanaged.passUnretained(cache).takeRetainedValue(), pool: Unmanaged.passUnretained(pool).takeRetainedValue(),
                    workspace: Unmanaged.passUnretained(workspace).takeRetainedValue()))
            body(place[0])
        }
    }
}
