extension Architecture {
    /// Qwen3 (R1-0528-Qwen3-8B is one): Llama's blocks with an RMSNorm over each head of queries and keys.
    package static let qwen3 = Architecture(
        name: "qwen3", ggufName: "qwen3", huggingFaceName: "Qwen3ForCausalLM",
        weights: .llama(qkvBias: .ifQKV, outputBias: .ifOutput, queryKeyNorms: WeightTable.Row.queryKeyNorms(byHead: true))
    ).with { $0.windows = .optIn }
}
