import Tensors

extension Decoder {
    /// Reads and packs every weight. Tensors are read once, in file order per layer, and their pages given back as soon as
    /// they are packed, so that memory never holds the checkpoint twice.
    ///
    /// - Parameter progress: called with the fraction done, from the calling thread.
    /// - Throws: `CheckpointError` when a tensor cannot be read.
    package static func load(
        config: ModelConfig, weights: WeightReader, format: WeightFormat, pool: WorkerPool, progress: (Double) -> Void
    ) throws -> Decoder {
        let packer = WeightPacker(weights: weights, format: format, pool: pool)
        let steps = Double(config.layers + 2)
        var done = 0.0
        func advance() {
            done += 1
            progress(done / steps)
        }

        let embeddings = try packer.matrix(
            ["model.embed_tokens.weight"], outputs: [config.vocabSize], inputs: config.hiddenSize)
        advance()
        var layers: [DecoderLayer] = []
        layers.reserveCapacity(config.layers)
        for index in 0..<config.layers {
            layers.append(try DecoderLayer(index: index, config: config, packer: packer))
            advance()
        }
        let head =
            config.tiedEmbeddings
            ? embeddings
            : try packer.matrix(["lm_head.weight"], outputs: [config.vocabSize], inputs: config.hiddenSize)
        advance()
        return Decoder(
            config: config, format: format, embeddings: embeddings, layers: layers,
            finalNorm: try packer.vector(["model.norm.weight"]), head: head,
            inverseFrequencies: ParameterVector(config.inverseFrequencies()))
    }
}

extension DecoderLayer {
    convenience init(index: Int, config: ModelConfig, packer: WeightPacker) throws {
        let prefix = "model.layers.\(index)."
        let attention = prefix + "self_attn."
        let mlp = prefix + "mlp."
        let queryWidth = config.heads * config.headDim
        let keyValueWidth = config.kvHeads * config.headDim
        let qkv = ["q_proj", "k_proj", "v_proj"].map { attention + $0 }
        let gateUp = ["gate_proj", "up_proj"].map { mlp + $0 }
        func weights(_ names: [String]) -> [String] { names.map { $0 + ".weight" } }
        func bias(_ present: Bool, _ names: [String]) throws -> ParameterVector? {
            present ? try packer.vector(names.map { $0 + ".bias" }) : nil
        }

        self.init(
            inputNorm: try packer.vector([prefix + "input_layernorm.weight"]),
            postAttentionNorm: try packer.vector([prefix + "post_attention_layernorm.weight"]),
            qkv: try packer.matrix(
                weights(qkv), outputs: [queryWidth, keyValueWidth, keyValueWidth], inputs: config.hiddenSize),
            qkvBias: try bias(config.qkvBias, qkv),
            output: try packer.matrix(
                weights([attention + "o_proj"]), outputs: [config.hiddenSize], inputs: queryWidth),
            outputBias: try bias(config.outputBias, [attention + "o_proj"]),
            gateUp: try packer.matrix(
                weights(gateUp), outputs: [config.ffnSize, config.ffnSize], inputs: config.hiddenSize),
            gateUpBias: try bias(config.mlpBias, gateUp),
            down: try packer.matrix(weights([mlp + "down_proj"]), outputs: [config.hiddenSize], inputs: config.ffnSize),
            downBias: try bias(config.mlpBias, [mlp + "down_proj"]))
    }
}

/// Turns named tensors of a checkpoint into packed matrices and vectors.
struct WeightPacker {
    let weights: WeightReader
    let format: WeightFormat
    let pool: WorkerPool

    /// Packs the named tensors, stacked along their output rows, as one matrix `[sum(outputs), inputs]`.
    func matrix(_ names: [String], outputs: [Int], inputs: Int) throws -> PackedMatrix {
        let weights = weights
        let packed = try PackedMatrix(format: format, outputs: outputs.reduce(0, +), inputs: inputs, pool: pool) { range, target in
            var start = 0
            for (name, count) in zip(names, outputs) {
                let part = range.clamped(to: start..<(start + count))
                if !part.isEmpty {
                    try weights.read(
                        name, rows: (part.lowerBound - start)..<(part.upperBound - start),
                        into: target.advanced(by: (part.lowerBound - range.lowerBound) * inputs))
                }
                start += count
            }
        }
        for name in names { weights.discard(name) }
        return packed
    }

    /// The named vectors, end to end.
    func vector(_ names: [String]) throws -> ParameterVector {
        ParameterVector(try names.flatMap { try weights.vector($0) })
    }
}
