extension Architecture {
    /// Llama and its kin (SmolLM2, R1-Distill-Llama): biases only where the configuration asks for them.
    package static let llama = Architecture(
        name: "llama", ggufName: "llama", huggingFaceName: "LlamaForCausalLM",
        weights: .llama(qkvBias: .ifQKV, outputBias: .ifOutput, mlpBias: .ifMLP, isInterleavedInGGUF: true))
}

extension WeightTable {
    /// Where the norms of a block stand.
    enum BlockNorms {
        /// Before attention and before the MLP.
        case before
        /// Before and behind both.
        case around
        /// Behind both.
        case behind
    }

    /// The tensors of Llama, which many architectures have, in part with other biases and norms.
    /// - Parameters:
    ///   - queryKeyNorms: stand behind the projections that they follow.
    ///   - addsOne: folders store all norms less 1.
    static func llama(
        qkvBias: Row.Bias = .never, outputBias: Row.Bias = .never, mlpBias: Row.Bias = .never, isInterleavedInGGUF: Bool = false,
        norms: BlockNorms = .before, queryKeyNorms: [Row] = [], addsOne: Bool = false, rootSpellings: [String] = []
    ) -> WeightTable {
        func norm(_ role: WeightRole, _ name: String, gguf: String) -> Row { .norm(role, name, gguf: gguf, addsOne: addsOne) }
        let input = norm(.attentionNorm, "input_layernorm", gguf: "attn_norm")
        let attentionOutput = norm(.attentionOutputNorm, "post_attention_layernorm", gguf: "post_attention_norm")
        let feedForwardOutput = norm(.feedForwardOutputNorm, "post_feedforward_layernorm", gguf: "post_ffw_norm")
        let (before, middle, after): ([Row], [Row], [Row]) =
            switch norms {
            case .before: ([input], [norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm")], [])
            case .around:
                ([input], [attentionOutput, norm(.feedForwardNorm, "pre_feedforward_layernorm", gguf: "ffn_norm")], [feedForwardOutput])
            case .behind: ([], [attentionOutput], [feedForwardOutput])
            }
        let attention: [Row] =
            [
                .projection(
                    .q, name: "self_attn.q_proj", gguf: "attn_q", bias: qkvBias, isInterleavedInGGUF: isInterleavedInGGUF),
                .projection(
                    .k, name: "self_attn.k_proj", gguf: "attn_k", bias: qkvBias, isInterleavedInGGUF: isInterleavedInGGUF),
                .projection(.v, name: "self_attn.v_proj", gguf: "attn_v", bias: qkvBias),
            ] + queryKeyNorms + [.projection(.o, name: "self_attn.o_proj", gguf: "attn_output", bias: outputBias)]
        let feedForward: [Row] = [
            .projection(.gate, name: "mlp.gate_proj", gguf: "ffn_gate", bias: mlpBias),
            .projection(.up, name: "mlp.up_proj", gguf: "ffn_up", bias: mlpBias),
            .projection(.down, name: "mlp.down_proj", gguf: "ffn_down", bias: mlpBias),
        ]
        return .model(before + attention + middle + feedForward + after, addsOne: addsOne, rootSpellings: rootSpellings)
    }

    /// A table whose tensors outside the blocks are called as Llama's.
    static func model(_ block: [Row], addsOne: Bool = false, rootSpellings: [String] = []) -> WeightTable {
        WeightTable(
            blockPrefix: "model.layers.", rootSpellings: rootSpellings,
            [.embedding(.embedding, "model.embed_tokens", gguf: "token_embd")] + block + [
                .norm(.finalNorm, "model.norm", gguf: "output_norm", addsOne: addsOne),
                .embedding(.head, "lm_head", gguf: "output"),
            ])
    }
}

extension WeightTable.Row {
    /// RMSNorms of queries and keys, each head by itself or all heads together.
    static func queryKeyNorms(byHead: Bool, addsOne: Bool = false) -> [WeightTable.Row] {
        [
            .norm(.queryNorm, "self_attn.q_norm", gguf: "attn_q_norm", over: byHead ? .head : .query, addsOne: addsOne),
            .norm(.keyNorm, "self_attn.k_norm", gguf: "attn_k_norm", over: byHead ? .head : .keyValue, addsOne: addsOne),
        ]
    }
}
