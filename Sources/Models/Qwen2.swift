extension Architecture {
    /// Qwen2, Qwen2.5 and the R1-Distill-Qwen models: the shared decoder with biases on query, key and value.
    package static let qwen2 = Architecture(
        name: "qwen2", huggingFaceName: "Qwen2ForCausalLM", fixesQKVBias: true, slidingWindowIsOptIn: true, ggufInterleavesQK: false,
        load: Decoder.load)
}
