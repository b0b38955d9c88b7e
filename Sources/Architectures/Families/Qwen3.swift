extension Architecture {
    /// Qwen3 (R1-0528-Qwen3-8B is one): Llama's blocks with an RMSNorm over each head of queries and keys.
    package static let qwen3 = Architecture(
        name: "qwen3", ggufName: "qwen3", huggingFaceName: "Qwen3ForCausalLM",
        weights: .llama(
            qkvBias: .ifQKV, outputBias: .ifOutput,
            queryKeyNorms: [
                .norm(.queryNorm, "self_attn.q_norm", gguf: "attn_q_norm", over: .head),
                .norm(.keyNorm, "self_attn.k_norm", gguf: "attn_k_norm", over: .head),
            ])
    ).with { $0.slidingWindowIsOptIn = true }
}
