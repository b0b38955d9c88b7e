import Checkpoints
import Tensors

extension Decoder {
    /// Packs every weight, or takes them packed from the cache. Tensors are read once per packing, some rows at a time, so that memory never
    /// holds the checkpoint twice.
    ///
    /// - Parameters:
    ///   - cache: where packed weights are kept between starts; nil to keep nothing.
    ///   - progress: called with the fraction done, from the calling thread.
    /// - Throws: `CheckpointError` when a tensor cannot be read, or the files change meanwhile.
    package static func load(
        config: ModelConfig, weights: WeightReader, format: WeightFormat, cache: PackedCache? = nil, pool: WorkerPool,
        progress: (Double) -> Void
    ) throws -> Decoder {
        let plan = try WeightPlan(config: config, weights: weights, format: format)
        let packed = try PackedWeights(plan: plan, weights: weights, cache: cache, pool: pool, progress: progress)
        func vector(_ names: [String]) throws -> ParameterVector { ParameterVector(try names.flatMap { try weights.vector($0) }) }

        var layers: [DecoderLayer] = []
        layers.reserveCapacity(config.layers)
        for index in 0..<config.layers {
            layers.append(try DecoderLayer(index: index, config: config, packed: packed, vector: vector))
        }
        let head = packed.matrix(WeightPlan.head)
        let decoder = Decoder(
            config: config, format: format, embeddings: packed.table(WeightPlan.embedding).map { .table($0) } ?? .head(head),
            layers: layers, finalNorm: try vector(["model.norm.weight"]), head: head,
            inverseFrequencies: ParameterVector(config.inverseFrequencies()))
        try weights.refuseChanged()
        return decoder
    }
}

extension DecoderLayer {
    convenience init(
        index: Int, config: ModelConfig, packed: PackedWeights, vector: (_ names: [String]) throws -> ParameterVector
    ) throws {
        let prefix = "model.layers.\(index)."
        let attention = prefix + "self_attn."
        let mlp = prefix + "mlp."
        func bias(_ present: Bool, _ names: [String]) throws -> ParameterVector? {
            present ? try vector(names.map { $0 + ".bias" }) : nil
        }
        func matrix(_ role: MatrixRole) -> PackedMatrix { packed.matrix(WeightPlan.name(role, index)) }

        self.init(
            inputNorm: try vector([prefix + "input_layernorm.weight"]),
            postAttentionNorm: try vector([prefix + "post_attention_layernorm.weight"]),
            qkv: matrix(.qkv),
            qkvBias: try bias(config.qkvBias, ["q_proj", "k_proj", "v_proj"].map { attention + $0 }),
            output: matrix(.attentionOutput),
            outputBias: try bias(config.outputBias, [attention + "o_proj"]),
            gateUp: matrix(.gateUp),
            gateUpBias: try bias(config.mlpBias, ["gate_proj", "up_proj"].map { mlp + $0 }),
            down: matrix(.down),
            downBias: try bias(config.mlpBias, [mlp + "down_proj"]))
    }
}
