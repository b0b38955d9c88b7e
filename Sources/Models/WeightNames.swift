import Checkpoints

/// The tensors a configuration calls for, under their Hugging Face names, and what GGUF calls the same tensors.
struct WeightNames {
    let config: ModelConfig

    static let embedding = "model.embed_tokens.weight"
    static let head = "lm_head.weight"

    /// One layer's parts: Hugging Face stem, GGUF stem, shape `[outputs, inputs]` (`[outputs]` for norms), whether a bias belongs to it.
    struct Part {
        var name: String
        var gguf: String
        var shape: [Int]
        var bias = false
    }

    var layerParts: [Part] {
        let (hidden, ffn) = (config.hiddenSize, config.ffnSize)
        let (query, keyValue) = (config.heads * config.headDim, config.kvHeads * config.headDim)
        return [
            Part(name: "input_layernorm", gguf: "attn_norm", shape: [hidden]),
            Part(name: "self_attn.q_proj", gguf: "attn_q", shape: [query, hidden], bias: config.qkvBias),
            Part(name: "self_attn.k_proj", gguf: "attn_k", shape: [keyValue, hidden], bias: config.qkvBias),
            Part(name: "self_attn.v_proj", gguf: "attn_v", shape: [keyValue, hidden], bias: config.qkvBias),
            Part(name: "self_attn.o_proj", gguf: "attn_output", shape: [hidden, query], bias: config.outputBias),
            Part(name: "post_attention_layernorm", gguf: "ffn_norm", shape: [hidden]),
            Part(name: "mlp.gate_proj", gguf: "ffn_gate", shape: [ffn, hidden], bias: config.mlpBias),
            Part(name: "mlp.up_proj", gguf: "ffn_up", shape: [ffn, hidden], bias: config.mlpBias),
            Part(name: "mlp.down_proj", gguf: "ffn_down", shape: [hidden, ffn], bias: config.mlpBias),
        ]
    }

    /// Whether a layer's tensor is none that was trained, but what some version of a model kept beside them and stored too: it follows from the
    /// configuration, and those who read checkpoints pass over it.
    static func isBuffer(_ info: TensorInfo) -> Bool {
        let rotary = [
            ".rotary_emb.inv_freq", ".rotary_emb.cos_cached", ".rotary_emb.sin_cached", ".attn_rot_embd", ".attn_rot_embd.weight",
        ]
        if rotary.contains(where: info.name.hasSuffix) { return true }
        // The causal mask, a square of positions, and what is written where it hides: a bias that was trained is a vector.
        if [".self_attn.bias", ".attention.bias", ".attn.bias"].contains(where: info.name.hasSuffix) {
            return info.shape.count >= 2 && info.shape.suffix(2).first == info.shape.last
        }
        return info.name.hasSuffix(".masked_bias") && info.elementCount == 1
    }

    /// A tensor the model needs.
    struct Expected {
        var name: String
        var gguf: String
        var shape: [Int]
        /// Heads whose rows GGUF interleaves for this tensor; 0 for none.
        var permutedHeads = 0
    }

    /// Every tensor of the model, in the order of the forward pass.
    func expected() -> [Expected] {
        let permutes = Architecture.named(config.architecture)?.ggufInterleavesQK ?? false
        let parts = layerParts
        var all = [Expected(name: Self.embedding, gguf: "token_embd.weight", shape: [config.vocabSize, config.hiddenSize])]
        all.reserveCapacity(config.layers * 12 + 3)
        for layer in 0..<config.layers {
            for part in parts {
                let heads = !permutes ? 0 : part.gguf == "attn_q" ? config.heads : part.gguf == "attn_k" ? config.kvHeads : 0
                let (name, gguf) = ("model.layers.\(layer).\(part.name)", "blk.\(layer).\(part.gguf)")
                all.append(Expected(name: name + ".weight", gguf: gguf + ".weight", shape: part.shape, permutedHeads: heads))
                if part.bias {
                    all.append(Expected(name: name + ".bias", gguf: gguf + ".bias", shape: [part.shape[0]], permutedHeads: heads))
                }
            }
        }
        all.append(Expected(name: "model.norm.weight", gguf: "output_norm.weight", shape: [config.hiddenSize]))
        if !config.tiedEmbeddings {
            all.append(Expected(name: Self.head, gguf: "output.weight", shape: [config.vocabSize, config.hiddenSize]))
        }
        return all
    }
}
