import Architectures
import Checkpoints
import Tensors

extension Decoder {
    /// Packs every weight, or takes them packed from the cache. Tensors are read once per packing, some rows at a time, so that memory never
    /// holds the checkpoint twice.
    ///
    /// - Parameters:
    ///   - cache: where packed weights are kept between starts; nil to keep nothing.
    ///   - progress: called with the fraction done, from the calling thread.
    /// - Throws: `CheckpointError` when a tensor cannot be read, the files change meanwhile, or the model holds what is not computed yet.
    package static func load(
        config: ModelConfig, weights: WeightReader, format: WeightFormat, cache: PackedCache? = nil, pool: WorkerPool,
        progress: (Double) -> Void
    ) throws -> Decoder {
        try config.refuseUncomputed(file: weights.path)
        let plan = try WeightPlan(config: config, weights: weights, format: format)
        let packed = try PackedWeights(plan: plan, weights: weights, cache: cache, pool: pool, progress: progress)
        var layers: [DecoderLayer] = []
        layers.reserveCapacity(config.layers)
        for index in 0..<config.layers {
            layers.append(try DecoderLayer(index: index, config: config, packed: packed, weights: weights))
        }
        let head = packed.matrix(WeightPlan.head)
        let decoder = Decoder(
            config: config, format: format, embeddings: packed.table(WeightPlan.embedding).map { .table($0) } ?? .head(head),
            layers: layers, finalNorm: ParameterVector(try weights.vector(WeightPlace(.finalNorm))), head: head,
            inverseFrequencies: ParameterVector(config.inverseFrequencies()))
        try weights.refuseChanged()
        return decoder
    }
}

extension DecoderLayer {
    convenience init(index: Int, config: ModelConfig, packed: PackedWeights, weights: WeightReader) throws {
        let table = config.family.weights
        func vector(_ role: WeightRole) throws -> ParameterVector? {
            try table.holds(role) ? ParameterVector(weights.vector(WeightPlace(role, layer: index))) : nil
        }
        func norm(_ role: WeightRole) throws -> ParameterVector {
            guard let norm = try vector(role) else { preconditionFailure("no \(role), which a decoder was refused for") }
            return norm
        }
        func matrix(_ stack: PackedStack) -> PackedMatrix { packed.matrix(WeightPlan.name(stack.role, index)) }
        // Zeros for a projection that has none beside others that have.
        func bias(_ stack: PackedStack) throws -> ParameterVector? {
            let parts = try stack.modules(in: table).map { try ($0, weights.bias($0, layer: index)) }
            if parts.allSatisfy({ $0.1 == nil }) { return nil }
            return ParameterVector(parts.flatMap { $0.1 ?? Array(repeating: 0, count: config.shape.outputs($0.0)) })
        }

        self.init(
            inputNorm: try norm(.attentionNorm), postAttentionNorm: try norm(.feedForwardNorm),
            qkv: matrix(.qkv), qkvBias: try bias(.qkv), queryNorm: try vector(.queryNorm), keyNorm: try vector(.keyNorm),
            output: matrix(.attentionOutput), outputBias: try bias(.attentionOutput),
            gateUp: matrix(.gateUp), gateUpBias: try bias(.gateUp),
            down: matrix(.down), downBias: try bias(.down))
    }
}
