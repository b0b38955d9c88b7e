import Checkpoints
import JSONText

extension Architecture {
    /// GPT-NeoX and Pythia: LayerNorms, attention beside an ungated MLP, heads rotated in part; query, key and value in one matrix, by heads.
    package static let gptNeoX = Architecture(
        name: "gpt_neox", ggufName: "gptneox", huggingFaceName: "GPTNeoXForCausalLM",
        weights: WeightTable(
            blockPrefix: "gpt_neox.layers.", rootSpellings: [""],
            [
                .embedding(.embedding, "gpt_neox.embed_in", gguf: "token_embd"),
                .norm(.attentionNorm, "input_layernorm", gguf: "attn_norm", bias: .always),
                .projection(.q, .k, .v, name: "attention.query_key_value", gguf: "attn_qkv", bias: .ifQKV, sharing: .byHead),
                .projection(.o, name: "attention.dense", gguf: "attn_output", bias: .ifOutput),
                .norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm", bias: .always),
                .projection(.up, name: "mlp.dense_h_to_4h", gguf: "ffn_up", bias: .always),
                .projection(.down, name: "mlp.dense_4h_to_h", gguf: "ffn_down", bias: .always),
                .norm(.finalNorm, "gpt_neox.final_layer_norm", gguf: "output_norm", bias: .always),
                .embedding(.head, "embed_out", gguf: "output"),
            ])
    ).with {
        $0.keys.epsilon = "layer_norm_eps"
        $0.keys.theta = "rotary_emb_base"
        $0.keys.rotaryFraction = "rotary_pct"
        $0.keys.ggufEpsilon = "attention.layer_norm_epsilon"
        $0.block.norm = .layer
        $0.block.feedForward = .plain(.gelu)
        $0.block.positions = .rotary(fraction: 0.25)
        $0.block.isParallel = true
        $0.readFolder = { json, config throws(JSONError) in
            config.block.isParallel = try json.optionalBool("use_parallel_residual") ?? true
            let hasBias = try json.optionalBool("attention_bias") ?? true
            (config.qkvBias, config.outputBias) = (hasBias, hasBias)
        }
        $0.readGGUF = { keys, config throws(CheckpointError) in
            config.block.isParallel = try keys.optionalBool("gptneox.use_parallel_residual") ?? true
        }
    }
}
