extension Architecture {
    /// Llama and its kin (SmolLM2, R1-Distill-Llama): the shared decoder, with biases only where the configuration asks for them.
    package static let llama = Architecture(
        name: "llama", huggingFaceName: "LlamaForCausalLM", fixesQKVBias: false, slidingWindowIsOptIn: false, ggufInterleavesQK: true,
        load: Decoder.load)
}
