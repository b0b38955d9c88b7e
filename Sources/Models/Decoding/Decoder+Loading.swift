import Architectures
import Checkpoints
import Tensors

extension Decoder {
    /// Packs every weight, or takes them packed from the cache. Tensors are read once per packing, some rows at a time, so that memory never
    /// holds the checkpoint twice.
    ///
    /// - Parameters:
    ///   - context: the positions that will be served, by which some models choose their rotary frequencies; nil for all they were trained for.
    ///   - cache: where packed weights are kept between starts; nil to keep nothing.
    ///   - progress: called with the fraction done, from the calling thread.
    /// - Throws: `CheckpointError` when a tensor cannot be read, or the files change meanwhile.
    package static func load(
        config: ModelConfig, weights: WeightReader, format: WeightFormat, context: Int? = nil, cache: PackedCache? = nil, pool: WorkerPool,
        progress: (Double) -> Void
    ) throws -> Decoder {
        let plan = try WeightPlan(config: config, weights: weights, format: format)
        let packed = try PackedWeights(plan: plan, weights: weights, cache: cache, pool: pool, progress: progress)
        var parts = DecoderParts(config: config, packed: packed, weights: weights)
        let rotaries = Rotaries(config, context: context)
        var layers: [DecoderLayer] = []
        layers.reserveCapacity(config.layers)
        for index in 0..<config.layers { layers.append(try parts.layer(index, rotary: rotaries.ofLayer[index])) }
        let head = try parts.head()
        let decoder = Decoder(
            config: config, format: format, embeddings: parts.embeddings(head), layers: layers, finalNorm: try parts.norm(.finalNorm),
            head: head, rotaries: rotaries, parameters: parts.parameters)
        try weights.refuseChanged()
        return decoder
    }
}

/// Makes the parts of a decoder of its packed matrices and of the vectors in the files.
private struct DecoderParts {
    let config: ModelConfig
    let packed: PackedWeights
    let weights: WeightReader
    /// What norms point to.
    private(set) var parameters: [ParameterVector] = []

    private var table: WeightTable { config.family.weights }

    mutating func norm(_ role: WeightRole, layer: Int? = nil) throws -> Norm {
        let place = WeightPlace(role, layer: layer)
        let values = try weights.vector(place)
        let weight = ParameterVector(values)
        let bias = weights.shape(place.bias) == nil ? nil : ParameterVector(try weights.vector(place.bias))
        parameters += [weight] + (bias.map { [$0] } ?? [])
        return Norm(
            centres: config.block.norm == .layer, weight: weight, bias: bias, width: values.count, epsilon: config.rmsEpsilon)
    }

    func head() throws -> Projection {
        let bias = WeightPlace(.head).bias
        return Projection(packed.matrix(WeightPlan.head), bias: weights.shape(bias) == nil ? nil : try weights.vector(bias))
    }

    func embeddings(_ head: Projection) -> TokenEmbeddings {
        TokenEmbeddings(
            packed.table(WeightPlan.embedding).map { .table($0) } ?? .head(head.matrix), scale: config.block.embeddingScale,
            positions: packed.table(WeightPlan.positions))
    }

    mutating func layer(_ index: Int, rotary: Int) throws -> DecoderLayer {
        let table = table
        func norm(_ role: WeightRole) throws -> Norm? { table.holds(role) ? try self.norm(role, layer: index) : nil }
        // Zeros for a projection that has none beside others that have.
        func projection(_ stack: PackedStack) throws -> Projection {
            let parts = try stack.modules(in: table).map { try ($0, weights.bias($0, layer: index)) }
            let matrix = packed.matrix(WeightPlan.name(stack.role, index))
            if parts.allSatisfy({ $0.1 == nil }) { return Projection(matrix) }
            return Projection(
                matrix, bias: parts.flatMap { $0.1 ?? Array(repeating: 0, count: config.shape.outputs($0.0)) })
        }
        return DecoderLayer(
            norms: DecoderLayer.Norms(
                attention: try norm(.attentionNorm), query: try norm(.queryNorm), key: try norm(.keyNorm),
                attentionOutput: try norm(.attentionOutputNorm), feedForward: try norm(.feedForwardNorm),
                feedForwardOutput: try norm(.feedForwardOutputNorm)),
            qkv: try projection(.qkv), output: try projection(.attentionOutput), gateUp: try projection(.gateUp),
            down: try projection(.down), window: config.block.layers.isEmpty ? nil : config.block.layers[index].window, rotary: rotary)
    }
}
