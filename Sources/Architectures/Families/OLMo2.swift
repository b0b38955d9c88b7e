extension Architecture {
    /// OLMo 2: Llama's projections with norms behind attention and MLP alone, and of all heads of queries and keys together.
    package static let olmo2 = Architecture(
        name: "olmo2", ggufName: "olmo2", huggingFaceName: "Olmo2ForCausalLM",
        weights: .llama(
            qkvBias: .ifQKV, outputBias: .ifOutput, norms: .behind, queryKeyNorms: WeightTable.Row.queryKeyNorms(byHead: false)))
}
