extension Architecture {
    /// Qwen2, Qwen2.5 and the R1-Distill-Qwen models: Llama's blocks with biases on query, key and value.
    package static let qwen2 = Architecture(
        name: "qwen2", ggufName: "qwen2", huggingFaceName: "Qwen2ForCausalLM",
        weights: .llama(qkvBias: .ifQKV, outputBias: .ifOutput, mlpBias: .ifMLP)
    ).with {
        $0.fixesQKVBias = true
        $0.windows = .optIn
    }
}
