import Adapters
import Tensors

/// The pre-norm transformer decoder that Llama and its kin share: RMSNorm, rotary grouped-query attention, SwiGLU.
///
/// The architecture's table and the configuration decide what differs: biases, norms of queries and keys, tied embeddings, head size, rotary
/// scaling. What else a `BlockDescription` can say is refused by name before anything is loaded.
package final class Decoder: LanguageModel {
    package let config: ModelConfig
    package let format: WeightFormat

    let embeddings: TokenEmbeddings
    let layers: [DecoderLayer]
    let finalNorm: ParameterVector
    let head: PackedMatrix
    let inverseFrequencies: ParameterVector
    private let geometry: DecoderGeometry
    /// `layers`, which keeps them alive; an array's elements are counted each time they are read.
    private nonisolated(unsafe) let layerReferences: UnsafeMutablePointer<Unmanaged<DecoderLayer>>

    init(
        config: ModelConfig, format: WeightFormat, embeddings: TokenEmbeddings, layers: [DecoderLayer],
        finalNorm: ParameterVector, head: PackedMatrix, inverseFrequencies: ParameterVector
    ) {
        self.config = config
        self.format = format
        self.embeddings = embeddings
        self.layers = layers
        self.finalNorm = finalNorm
        self.head = head
        self.inverseFrequencies = inverseFrequencies
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
        for row in 0..<entering {
            embeddings.copyRow(Int(plan.tokens[row]), into: hidden.row(row))
        }
        for index in 0..<plan.residuals.count {
            hidden.row(entering + index).update(from: plan.residuals[index], count: config.hiddenSize)
        }
        let cosSin = workspace.matrix(plan.rowCount, config.headDim)
        if let positions = plan.positions.baseAddress {
            RowOperations.rotaryTable(
                positions: positions, count: plan.rowCount, inverseFrequencies: inverseFrequencies.pointer,
                half: config.headDim / 2, into: cosSin, pool: pool)
        }
        DecoderPass.lend(plan: plan, config: geometry, cosSin: cosSin, cache: cache, pool: pool, workspace: workspace) { pass in
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
        RowOperations.rmsNorm(selected, weight: finalNorm.pointer, epsilon: config.rmsEpsilon, into: output, pool: pool)
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
        head.multiply(hidden, into: result, pool: pool, workspace: workspace)
        return result
    }
}

/// What every layer of one pass shares. Borrowed by all that use it: copies would count references.
struct DecoderPass: ~Copyable {
    let plan: BatchPlan
    let config: DecoderGeometry
    /// Cosines and sines of each row's position, `[rows, headDim]`.
    let cosSin: MatrixView
    let cache: KVCache
    let pool: WorkerPool
    let workspace: Workspace

    /// Makes a pass of objects that the caller keeps alive, without counting them: the references are taken over uncounted, and given up
    /// again by never being destroyed.
    static func lend(
        plan: BatchPlan, config: DecoderGeometry, cosSin: MatrixView, cache: KVCache, pool: WorkerPool, workspace: Workspace,
        to body: (borrowing DecoderPass) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: DecoderPass.self, capacity: 1) { place in
            place.initializeElement(
                at: 0,
                to: DecoderPass(
                    plan: Unmanaged.passUnretained(plan).takeRetainedValue(), config: config, cosSin: cosSin,
                    cache: Unmanaged.passUnretained(cache).takeRetainedValue(), pool: Unmanaged.passUnretained(pool).takeRetainedValue(),
                    workspace: Unmanaged.passUnretained(workspace).takeRetainedValue()))
            body(place[0])
        }
    }
}

/// The numbers of a `ModelConfig` that layers compute with.
struct DecoderGeometry {
    let heads: Int
    let kvHeads: Int
    let headDim: Int
    let ffnSize: Int
    let rmsEpsilon: Float
    let ropeLayout: RotaryLayout
    /// What scores are multiplied with.
    let scoreScale: Float

    init(_ config: ModelConfig) {
        heads = config.heads
        kvHeads = config.kvHeads
        headDim = config.headDim
        ffnSize = config.ffnSize
        rmsEpsilon = config.rmsEpsilon
        ropeLayout = config.ropeLayout
        scoreScale = config.block.scoreScale ?? 1 / Float(config.headDim).squareRoot()
    }
}
