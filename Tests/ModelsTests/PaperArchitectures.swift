import Checkpoints
import JSONText
import Models

/// What the files of architectures would say that are not computed yet: a check that a table can say it.
enum PaperArchitectures {
    static let all: [Architecture] = [gemma, gemma2, gemma3, mistral, gpt2, gptNeoX, phi3, olmo2]

    private typealias Row = WeightTable.Row

    /// Llama's projections, with norms around them.
    private static func block(before: [Row], middle: [Row], after: [Row], queryKeyNorms: [Row] = []) -> [Row] {
        before + [
            .projection(.q, name: "self_attn.q_proj", gguf: "attn_q"), .projection(.k, name: "self_attn.k_proj", gguf: "attn_k"),
            .projection(.v, name: "self_attn.v_proj", gguf: "attn_v"),
        ] + queryKeyNorms + [.projection(.o, name: "self_attn.o_proj", gguf: "attn_output")] + middle + [
            .projection(.gate, name: "mlp.gate_proj", gguf: "ffn_gate"), .projection(.up, name: "mlp.up_proj", gguf: "ffn_up"),
            .projection(.down, name: "mlp.down_proj", gguf: "ffn_down"),
        ] + after
    }

    private static func whole(_ block: [Row], addsOne: Bool = false) -> WeightTable {
        WeightTable(
            blockPrefix: "model.layers.",
            [.embedding(.embedding, "model.embed_tokens", gguf: "token_embd")] + block
                + [.norm(.finalNorm, "model.norm", gguf: "output_norm", addsOne: addsOne), .embedding(.head, "lm_head", gguf: "output")])
    }

    static let gemma = Architecture(
        name: "gemma", ggufName: "gemma", huggingFaceName: "GemmaForCausalLM",
        weights: whole(
            block(
                before: [.norm(.attentionNorm, "input_layernorm", gguf: "attn_norm", addsOne: true)],
                middle: [.norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm", addsOne: true)], after: []), addsOne: true)
    ).with(gemmaDescription)

    @Sendable private static func gemmaDescription(_ gemma: inout Architecture) {
        gemma.keys.tiesByDefault = true
        gemma.keys.activation = "hidden_activation"
        gemma.block.feedForward = .gated(.tanhGELU)
        gemma.readFolder = { _, config throws(JSONError) in config.block.embeddingScale = Float(config.hiddenSize).squareRoot() }
        gemma.readGGUF = { _, config throws(CheckpointError) in config.block.embeddingScale = Float(config.hiddenSize).squareRoot() }
    }

    private static func gemmaBlock(_ queryKeyNorms: [Row]) -> [Row] {
        block(
            before: [.norm(.attentionNorm, "input_layernorm", gguf: "attn_norm", addsOne: true)],
            middle: [
                .norm(.attentionOutputNorm, "post_attention_layernorm", gguf: "post_attention_norm", addsOne: true),
                .norm(.feedForwardNorm, "pre_feedforward_layernorm", gguf: "ffn_norm", addsOne: true),
            ],
            after: [.norm(.feedForwardOutputNorm, "post_feedforward_layernorm", gguf: "post_ffw_norm", addsOne: true)],
            queryKeyNorms: queryKeyNorms)
    }

    static let gemma2 = Architecture(
        name: "gemma2", ggufName: "gemma2", huggingFaceName: "Gemma2ForCausalLM", weights: whole(gemmaBlock([]), addsOne: true)
    ).with {
        gemmaDescription(&$0)
        $0.readsAttention = true
        $0.readFolder = { json, config throws(JSONError) in
            config.block.embeddingScale = Float(config.hiddenSize).squareRoot()
            config.block.scoreScale = 1 / Float(try json.double("query_pre_attn_scalar")).squareRoot()
            config.block.scoreCap = try json.optionalDouble("attn_logit_softcapping").map { Float($0) }
            config.block.logitCap = try json.optionalDouble("final_logit_softcapping").map { Float($0) }
            let window = try json.int("sliding_window")
            config.block.layers = (0..<config.layers).map { .init(window: $0 % 2 == 0 ? window : nil) }
        }
    }

    static let gemma3 = Architecture(
        name: "gemma3_text", ggufName: "gemma3", huggingFaceName: "Gemma3ForCausalLM",
        weights: whole(
            gemmaBlock([
                .norm(.queryNorm, "self_attn.q_norm", gguf: "attn_q_norm", over: .head, addsOne: true),
                .norm(.keyNorm, "self_attn.k_norm", gguf: "attn_k_norm", over: .head, addsOne: true),
            ]), addsOne: true)
    ).with {
        gemmaDescription(&$0)
        $0.readsAttention = true
        $0.readFolder = { json, config throws(JSONError) in
            config.block.embeddingScale = Float(config.hiddenSize).squareRoot()
            config.block.scoreScale = 1 / Float(try json.double("query_pre_attn_scalar")).squareRoot()
            let (window, theta) = (try json.int("sliding_window"), try json.optionalDouble("rope_local_base_freq") ?? 10_000)
            config.block.layers = (0..<config.layers).map { $0 % 6 == 5 ? .init() : .init(window: window, ropeTheta: theta) }
        }
    }

    /// In GGUF it is llama.
    static let mistral = Architecture(
        name: "mistral", ggufName: nil, huggingFaceName: "MistralForCausalLM",
        weights: whole(
            block(
                before: [.norm(.attentionNorm, "input_layernorm", gguf: "attn_norm")],
                middle: [.norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm")], after: []))
    ).with {
        $0.readsAttention = true
        $0.readFolder = { json, config throws(JSONError) in
            guard let window = try json.optionalInt("sliding_window") else { return }
            config.block.layers = Array(repeating: .init(window: window), count: config.layers)
        }
    }

    static let gpt2 = Architecture(
        name: "gpt2", ggufName: "gpt2", huggingFaceName: "GPT2LMHeadModel",
        weights: WeightTable(
            blockPrefix: "transformer.h.", omissiblePrefix: "transformer.",
            [
                .embedding(.embedding, "transformer.wte", gguf: "token_embd"),
                .embedding(.positions, "transformer.wpe", gguf: "position_embd"),
                .norm(.attentionNorm, "ln_1", gguf: "attn_norm", bias: .always),
                .projection(.q, .k, .v, name: "attn.c_attn", gguf: "attn_qkv", bias: .always, isTransposed: true),
                .projection(.o, name: "attn.c_proj", gguf: "attn_output", bias: .always, isTransposed: true),
                .norm(.feedForwardNorm, "ln_2", gguf: "ffn_norm", bias: .always),
                .projection(.up, name: "mlp.c_fc", gguf: "ffn_up", bias: .always, isTransposed: true),
                .projection(.down, name: "mlp.c_proj", gguf: "ffn_down", bias: .always, isTransposed: true),
                .norm(.finalNorm, "transformer.ln_f", gguf: "output_norm", bias: .always),
                .embedding(.head, "lm_head", gguf: "output"),
            ])
    ).with {
        $0.keys.hiddenSize = "n_embd"
        $0.keys.layers = "n_layer"
        $0.keys.heads = "n_head"
        $0.keys.ffnSize = "n_inner"
        $0.keys.contextLength = "n_positions"
        $0.keys.epsilon = "layer_norm_epsilon"
        $0.keys.activation = "activation_function"
        $0.keys.ggufEpsilon = "attention.layer_norm_epsilon"
        $0.keys.tiesByDefault = true
        $0.block.norm = .layer
        $0.block.feedForward = .plain(.tanhGELU)
        $0.block.positions = .learned
    }

    static let gptNeoX = Architecture(
        name: "gpt_neox", ggufName: "gptneox", huggingFaceName: "GPTNeoXForCausalLM",
        weights: WeightTable(
            blockPrefix: "gpt_neox.layers.", omissiblePrefix: "gpt_neox.",
            [
                .embedding(.embedding, "gpt_neox.embed_in", gguf: "token_embd"),
                .norm(.attentionNorm, "input_layernorm", gguf: "attn_norm", bias: .always),
                .projection(.q, .k, .v, name: "attention.query_key_value", gguf: "attn_qkv", bias: .ifQKV, sharing: .byHead),
                .projection(.o, name: "attention.dense", gguf: "attn_output", bias: .ifOutput),
                .norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm", bias: .always),
                .projection(.up, name: "mlp.dense_h_to_4h", gguf: "ffn_up", bias: .always),
                .projection(.down, name: "mlp.dense_4h_to_h", gguf: "ffn_down", bias: .always),
                .norm(.finalNorm, "gpt_neox.final_layer_norm", gguf: "output_norm", bias: .always),
                .embedding(.head, "embed_out", gguf: "output"),
            ])
    ).with {
        $0.keys.epsilon = "layer_norm_eps"
        $0.keys.ggufEpsilon = "attention.layer_norm_epsilon"
        $0.block.norm = .layer
        $0.block.feedForward = .plain(.gelu)
        $0.readsAttention = true
        $0.readFolder = { json, config throws(JSONError) in
            config.block.isParallel = try json.optionalBool("use_parallel_residual") ?? true
            config.block.positions = .rotary(fraction: try json.optionalDouble("rotary_pct") ?? 0.25)
            let hasBias = try json.optionalBool("attention_bias") ?? true
            (config.qkvBias, config.outputBias) = (hasBias, hasBias)
        }
    }

    static let phi3 = Architecture(
        name: "phi3", ggufName: "phi3", huggingFaceName: "Phi3ForCausalLM",
        weights: whole([
            .norm(.attentionNorm, "input_layernorm", gguf: "attn_norm"),
            .projection(.q, .k, .v, name: "self_attn.qkv_proj", gguf: "attn_qkv"),
            .projection(.o, name: "self_attn.o_proj", gguf: "attn_output"),
            .norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm"),
            .projection(.gate, .up, name: "mlp.gate_up_proj", gguf: "ffn_up"),
            .projection(.down, name: "mlp.down_proj", gguf: "ffn_down"),
        ]))

    static let olmo2 = Architecture(
        name: "olmo2", ggufName: "olmo2", huggingFaceName: "Olmo2ForCausalLM",
        weights: whole(
            block(
                before: [], middle: [.norm(.attentionOutputNorm, "post_attention_layernorm", gguf: "post_attention_norm")],
                after: [.norm(.feedForwardOutputNorm, "post_feedforward_layernorm", gguf: "post_ffw_norm")],
                queryKeyNorms: [
                    .norm(.queryNorm, "self_attn.q_norm", gguf: "attn_q_norm", over: .query),
                    .norm(.keyNorm, "self_attn.k_norm", gguf: "attn_k_norm", over: .keyValue),
                ])))
}
