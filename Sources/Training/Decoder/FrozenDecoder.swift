import Adapters
import Checkpoints
import Models
import Tensors

/// A decoder whose weights are frozen, for passes over whole sequences with gradients: embedding, blocks, final norm, head.
package final class FrozenDecoder: Sendable {
    package let config: ModelConfig
    package let precision: TrainingPrecision
    let layers: [FrozenLayer]
    let finalNorm: FrozenVector
    let head: FrozenMatrix
    /// Nil when the head is the embedding.
    private let embedding: ElementTable?

    /// Reads the checkpoint's weights; the files' pages are given back as it goes.
    /// - Parameter layerCount: reads only so many layers, for passes that go no higher; nil for all.
    /// - Throws: `CheckpointError` for files that do not fit the configuration, and for models whose blocks training does not know.
    package init(
        checkpoint: Checkpoint, config: ModelConfig, precision: TrainingPrecision, layerCount: Int? = nil, pool: WorkerPool,
        progress: (Double) -> Void = { _ in }
    ) throws {
        self.config = config
        self.precision = precision
        try config.refuseUntrained(file: checkpoint.tensors.path)
        let reader = try WeightReader(checkpoint: checkpoint, config: config)
        let count = layerCount ?? config.layers
        let parts = Double(count + 1)
        layers = try (0..<count).map { layer in
            defer { progress(Double(layer + 1) / parts) }
            return try FrozenLayer(reader, index: layer, precision: precision, pool: pool)
        }
        finalNorm = FrozenVector(try reader.vector(WeightPlace(.finalNorm)))
        let table = WeightPlace(.embedding)
        if config.tiedEmbeddings {
            embedding = nil
            head = try FrozenMatrix(reader, table, precision: precision, pool: pool)
        } else {
            embedding = try Self.table(reader, table)
            head = try FrozenMatrix(reader, WeightPlace(.head), precision: precision, pool: pool)
        }
        progress(1)
    }

    /// The embedding as stored.
    private static func table(_ reader: WeightReader, _ place: WeightPlace) throws -> ElementTable {
        let shape = reader.shape(place) ?? [0, 0]
        let type = try reader.storedType(place)
        let storage = WeightStorage(byteCount: ElementTable.byteCount(type: type, rows: shape[0], columns: shape[1]))
        try reader.stored(place, rows: 0..<shape[0], into: storage.pointer)
        return ElementTable(type: type, rows: shape[0], columns: shape[1], storage: storage)
    }

    /// Bytes that a decoder of that shape will take.
    /// - Parameter storedAsBF16: whether the checkpoint's matrices are bf16.
    package static func byteCount(config: ModelConfig, precision: TrainingPrecision, storedAsBF16: Bool, layerCount: Int? = nil) -> Int {
        func matrix(_ outputs: Int, _ inputs: Int) -> Int {
            FrozenMatrix.byteCount(outputs: outputs, inputs: inputs, storedAsBF16: storedAsBF16, precision: precision)
        }
        let (shape, hidden) = (config.shape, config.hiddenSize)
        let layer = ProjectionModule.allCases.reduce(0) { $0 + matrix(shape.outputs($1), shape.inputs($1)) }
        let embedding = config.tiedEmbeddings ? 0 : config.vocabSize * hidden * (storedAsBF16 ? 2 : 4)
        return (layerCount ?? config.layers) * layer + matrix(config.vocabSize, hidden) + embedding
    }

    package var byteCount: Int { layers.reduce(head.byteCount + (embedding?.byteCount ?? 0)) { $0 + $1.byteCount } }

    /// A digest of the weights of all norms: tells one model from another of equal shape without reading gigabytes.
    package var digest: String {
        var values: [Float] = []
        for layer in layers {
            values += UnsafeBufferPointer(start: layer.inputNorm.pointer, count: config.hiddenSize)
            values += UnsafeBufferPointer(start: layer.postAttentionNorm.pointer, count: config.hiddenSize)
            for norm in [layer.queryNorm, layer.keyNorm].compactMap({ $0 }) {
                values += UnsafeBufferPointer(start: norm.pointer, count: norm.count)
            }
        }
        values += UnsafeBufferPointer(start: finalNorm.pointer, count: config.hiddenSize)
        return values.withUnsafeBytes { ContentDigest(bytes: $0).description }
    }

    /// h [T, hidden]: the embeddings of the tokens.
    func embed(_ tokens: [Int32], into h: MatrixView) {
        for (row, token) in tokens.enumerated() {
            if let embedding { embedding.copyRow(Int(token), into: h.row(row)) } else { head.copyRow(Int(token), into: h.row(row)) }
        }
    }

    /// Rotary tables for positions 0..<rows, the second with sines negated. They live as long as the workspace's mark.
    func rotaryTables(rows: Int, pool: WorkerPool, workspace: Workspace) -> (forward: MatrixView, inverse: MatrixView) {
        let half = config.headDim / 2
        let (forward, inverse) = (workspace.matrix(rows, config.headDim), workspace.matrix(rows, config.headDim))
        let positions = (0..<rows).map { Int32($0) }
        let rotary = config.rotary()
        RowOperations.rotaryTable(
            positions: positions, count: rows, inverseFrequencies: rotary.inverseFrequencies, half: half, scale: rotary.factor,
            into: forward, pool: pool)
        inverse.copy(from: forward)
        pool.rows(rows) { row in
            for column in half..<2 * half { inverse.row(row)[column].negate() }
        }
        return (forward, inverse)
    }
}
