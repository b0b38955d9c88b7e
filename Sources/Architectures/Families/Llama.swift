extension Architecture {
    /// Llama and its kin (SmolLM2, R1-Distill-Llama): biases only where the configuration asks for them.
    package static let llama = Architecture(
        name: "llama", ggufName: "llama", huggingFaceName: "LlamaForCausalLM",
        weights: .llama(qkvBias: .ifQKV, outputBias: .ifOutput, mlpBias: .ifMLP, isInterleavedInGGUF: true))
}

extension WeightTable {
    /// The tensors of Llama, which several architectures have, in part with other biases and with norms of their own beside them.
    /// - Parameter queryKeyNorms: stand behind the projections that they follow.
    static func llama(
        qkvBias: Row.Bias = .never, outputBias: Row.Bias = .never, mlpBias: Row.Bias = .never, isInterleavedInGGUF: Bool = false,
        queryKeyNorms: [Row] = []
    ) -> WeightTable {
        WeightTable(
            blockPrefix: "model.layers.",
            [
                .embedding(.embedding, "model.embed_tokens", gguf: "token_embd"),
                .norm(.attentionNorm, "input_layernorm", gguf: "attn_norm"),
                .projection(
                    .q, name: "self_attn.q_proj", gguf: "attn_q", bias: qkvBias, isInterleavedInGGUF: isInterleavedInGGUF),
                .projection(
                    .k, name: "self_attn.k_proj", gguf: "attn_k", bias: qkvBias, isInterleavedInGGUF: isInterleavedInGGUF),
                .projection(.v, name: "self_attn.v_proj", gguf: "attn_v", bias: qkvBias),
            ] + queryKeyNorms + [
                .projection(.o, name: "self_attn.o_proj", gguf: "attn_output", bias: outputBias),
                .norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm"),
                .projection(.gate, name: "mlp.gate_proj", gguf: "ffn_gate", bias: mlpBias),
                .projection(.up, name: "mlp.up_proj", gguf: "ffn_up", bias: mlpBias),
                .projection(.down, name: "mlp.down_proj", gguf: "ffn_down", bias: mlpBias),
                .norm(.finalNorm, "model.norm", gguf: "output_norm"),
                .embedding(.head, "lm_head", gguf: "output"),
            ])
    }
}
