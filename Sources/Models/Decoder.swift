import Adapters
import Tensors

/// The pre-norm transformer decoder that Qwen2 and Llama share: RMSNorm, rotary grouped-query attention, SwiGLU.
///
/// The configuration decides what differs: biases, tied embeddings, head size, rotary scaling.
package final class Decoder: LanguageModel {
    package let config: ModelConfig
    package let format: WeightFormat

    let embeddings: TokenEmbeddings
    let layers: [DecoderLayer]
    let finalNorm: ParameterVector
    let head: PackedMatrix
    let inverseFrequencies: ParameterVector

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
    }

    package var byteCount: Int {
        embeddings.byteCount + head.byteCount + layers.reduce(0) { $0 + $1.byteCount }
    }

    package func forward(_ plan: BatchPlan, cache: KVCache, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        let output = workspace.matrix(plan.outputRows.count, config.hiddenSize)
        let mark = workspace.mark()
        defer { workspace.release(mark) }

        let hidden = workspace.matrix(plan.rowCount, config.hiddenSize)
        for (row, token) in plan.tokens.enumerated() {
            embeddings.copyRow(Int(token), into: hidden.row(row))
        }
        let cosSin = workspace.matrix(plan.rowCount, config.headDim)
        plan.positions.withUnsafeBufferPointer { positions in
            guard let start = positions.baseAddress else { return }
            RowOperations.rotaryTable(
                positions: start, count: positions.count, inverseFrequencies: inverseFrequencies.pointer,
                half: config.headDim / 2, into: cosSin, pool: pool)
        }
        let pass = DecoderPass(
            plan: plan, config: config, cosSin: cosSin, cache: cache, pool: pool, workspace: workspace)
        for index in layers.indices {
            layers[index].forward(hidden, layer: index, pass: pass)
        }
        guard output.rows > 0 else { return output }
        let selected = workspace.matrix(output.rows, config.hiddenSize)
        for (index, row) in plan.outputRows.enumerated() {
            selected.row(index).update(from: hidden.row(row), count: config.hiddenSize)
        }
        RowOperations.rmsNorm(selected, weight: finalNorm.pointer, epsilon: config.rmsEpsilon, into: output, pool: pool)
        return output
    }

    package func logits(_ hidden: MatrixView, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        let result = workspace.matrix(hidden.rows, config.vocabSize)
        head.multiply(hidden, into: result, pool: pool, workspace: workspace)
        return result
    }
}

/// What every layer of one pass shares.
struct DecoderPass {
    let plan: BatchPlan
    let config: ModelConfig
    /// Cosines and sines of each row's position, `[rows, headDim]`.
    let cosSin: MatrixView
    let cache: KVCache
    let pool: WorkerPool
    let workspace: Workspace

    var rows: Int { plan.rowCount }
}
