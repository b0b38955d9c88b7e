extension Architecture {
    /// Mistral: Llama's blocks, in its first version with a window in every layer. GGUF calls it llama.
    package static let mistral = Architecture(
        name: "mistral", ggufName: nil, huggingFaceName: "MistralForCausalLM", weights: .llama()
    ).with { $0.windows = .all(default: 4096) }
}
