import JSONText

extension Architecture {
    /// GPT-2: LayerNorms, learned positions, ungated MLPs; query, key and value in one matrix, stored the other way round.
    package static let gpt2 = Architecture(
        name: "gpt2", ggufName: "gpt2", huggingFaceName: "GPT2LMHeadModel",
        weights: WeightTable(
            blockPrefix: "transformer.h.", rootSpellings: [""],
            [
                .embedding(.embedding, "transformer.wte", gguf: "token_embd"),
                .embedding(.positions, "transformer.wpe", gguf: "position_embd"),
                .norm(.attentionNorm, "ln_1", gguf: "attn_norm", bias: .always),
                .projection(.q, .k, .v, name: "attn.c_attn", gguf: "attn_qkv", bias: .always, isTransposed: true),
                .projection(.o, name: "attn.c_proj", gguf: "attn_output", bias: .always, isTransposed: true),
                .norm(.feedForwardNorm, "ln_2", gguf: "ffn_norm", bias: .always),
                .projection(.up, name: "mlp.c_fc", gguf: "ffn_up", bias: .always, isTransposed: true),
                .projection(.down, name: "mlp.c_proj", gguf: "ffn_down", bias: .always, isTransposed: true),
                .norm(.finalNorm, "transformer.ln_f", gguf: "output_norm", bias: .always),
                .embedding(.head, "lm_head", gguf: "output"),
            ])
    ).with {
        $0.keys.hiddenSize = "n_embd"
        $0.keys.layers = "n_layer"
        $0.keys.heads = "n_head"
        $0.keys.ffnSize = "n_inner"
        $0.keys.defaultFFNMultiple = 4
        $0.keys.contextLength = "n_positions"
        $0.keys.epsilon = "layer_norm_epsilon"
        $0.keys.activation = ["activation_function"]
        $0.keys.ggufEpsilon = "attention.layer_norm_epsilon"
        $0.keys.tiesByDefault = true
        $0.block.norm = .layer
        $0.block.feedForward = .plain(.tanhGELU)
        $0.block.positions = .learned
        $0.readFolder = { json, config throws(JSONError) in
            if try json.optionalBool("scale_attn_by_inverse_layer_idx") ?? false {
                throw JSONError(place: "scale_attn_by_inverse_layer_idx", got: "true", wanted: "false; others are not supported")
            }
            if try json.optionalBool("scale_attn_weights") == false { config.block.scoreScale = 1 }
        }
    }
}
