extension Architecture {
    /// Phi-3 and Phi-4: Llama's blocks with query, key and value in one matrix, gate and up in another.
    package static let phi3 = Architecture(
        name: "phi3", ggufName: "phi3", huggingFaceName: "Phi3ForCausalLM",
        weights: .model([
            .norm(.attentionNorm, "input_layernorm", gguf: "attn_norm"),
            .projection(.q, .k, .v, name: "self_attn.qkv_proj", gguf: "attn_qkv"),
            .projection(.o, name: "self_attn.o_proj", gguf: "attn_output"),
            .norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm"),
            .projection(.gate, .up, name: "mlp.gate_up_proj", gguf: "ffn_up"),
            .projection(.down, name: "mlp.down_proj", gguf: "ffn_down"),
        ])
    ).with {
        $0.windows = .all(default: nil)
        $0.keys.rotaryFraction = "partial_rotary_factor"
    }
}
