import Checkpoints
import Foundation
import JSONText
import Models
import TestSupport
import Testing

@Suite struct ModelConfigTests {
    private static let qwen = #"""
        {"architectures": ["Qwen2ForCausalLM"], "hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
        "intermediate_size": 200, "vocab_size": 320, "max_position_embeddings": 4096, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
        "tie_word_embeddings": true, "bos_token_id": 5, "eos_token_id": 7, "hidden_act": "silu", "sliding_window": 4096,
        "use_sliding_window": false, "max_window_layers": 2, "torch_dtype": "bfloat16"}
        """#

    /// The configuration above with some keys replaced (by JSON text; nil removes).
    private static func config(_ changes: [String: String?] = [:], generation: String? = nil) throws -> ModelConfig {
        guard case .object(var members) = try JSON(parsing: qwen) else { throw JSONError(place: "test", got: "no object", wanted: "one") }
        for (key, value) in changes { members[key] = try value.map { try JSON(parsing: $0) } }
        return try ModelConfig(huggingFace: .object(members), generation: generation.map { try JSON(parsing: $0) })
    }

    @Test func readsOldKeys() throws {
        let config = try Self.config()
        #expect(config.architecture == "qwen2")
        #expect((config.hiddenSize, config.layers, config.heads, config.kvHeads, config.headDim) == (96, 3, 6, 2, 16))
        #expect((config.ffnSize, config.vocabSize, config.contextLength) == (200, 320, 4096))
        #expect(config.ropeTheta == 1e6 && config.ropeScaling == nil && config.rmsEpsilon == 1e-6)
        #expect(config.qkvBias && !config.outputBias && !config.mlpBias && config.tiedEmbeddings)
        #expect(config.bosToken == 5 && config.eosTokens == [7])
    }

    @Test func readsNewKeys() throws {
        let config = try Self.config([
            "rope_theta": nil, "torch_dtype": nil, "dtype": "\"bfloat16\"",
            "rope_parameters": #"{"rope_theta": 10000.0, "rope_type": "default"}"#,
            "layer_types": #"["full_attention", "full_attention", "full_attention"]"#, "head_dim": "32", "eos_token_id": "[7, 9]",
        ])
        #expect(config.ropeTheta == 10000 && config.ropeScaling == nil && config.headDim == 32 && config.eosTokens == [7, 9])
    }

    @Test func joinsEndTokens() throws {
        #expect(try Self.config(generation: #"{"eos_token_id": [8, 7]}"#).eosTokens == [7, 8])
        #expect(try Self.config(["eos_token_id": "[320, 319, -1]", "bos_token_id": "320"]).eosTokens == [319])
        #expect(try Self.config(["bos_token_id": "320"]).bosToken == nil)
        #expect(try Self.config(["eos_token_id": "null", "bos_token_id": nil], generation: "{}").eosTokens == [])
        #expect { _ = try Self.config(generation: #"{"eos_token_id": "x"}"#) } throws: {
            "\($0)".contains("generation_config.json: eos_token_id")
        }
    }

    @Test func readsLlamaBiases() throws {
        let llama = #"["LlamaForCausalLM"]"#
        let plain = try Self.config(["architectures": llama, "sliding_window": nil])
        #expect(plain.architecture == "llama" && !plain.qkvBias && !plain.outputBias && !plain.mlpBias)
        let biased = try Self.config(["architectures": llama, "sliding_window": nil, "attention_bias": "true", "mlp_bias": "true"])
        #expect(biased.qkvBias && biased.outputBias && biased.mlpBias)
    }

    @Test func readsScaling() throws {
        let linear = try Self.config(["rope_scaling": #"{"type": "linear", "factor": 4.0}"#])
        #expect(linear.ropeScaling == .linear(factor: 4))
        #expect(linear.rotary() == Rotary(inverseFrequencies: linear.rotary().inverseFrequencies, factor: 1))
        #expect(linear.rotary().inverseFrequencies[0] == 0.25)
        let llama3 = #""factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192"#
        let expected = RoPEScaling.llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192)
        #expect(try Self.config(["rope_scaling": "{\"rope_type\": \"llama3\", \(llama3)}"]).ropeScaling == expected)
        #expect(try Self.config(["rope_parameters": "{\"rope_type\": \"llama3\", \"rope_theta\": 1e4, \(llama3)}"]).ropeScaling == expected)
        #expect(try Self.config(["rope_scaling": "null"]).ropeScaling == nil)
    }

    @Test(
        arguments: [
            ("architectures", #"["MambaForCausalLM"]"#, "architecture MambaForCausalLM"), ("architectures", "[]", "(none named)"),
            ("architectures", "3", "architectures"), ("hidden_act", "\"relu2\"", "hidden_act: got relu2"),
            ("layer_types", #"["full_attention", "sliding_attention", "full_attention"]"#, "layer_types: got sliding_attention"),
            ("layer_types", #"["full_attention", "linear_attention", "full_attention"]"#, "layer_types: got linear_attention"),
            ("quantization_config", #"{"quant_method": "gptq"}"#, "quantization_config: got method gptq"),
            ("partial_rotary_factor", "0.5", "partial_rotary_factor: got 0.5"),
            ("rope_scaling", #"{"rope_type": "yarn", "factor": 0}"#, "rope_scaling.factor"),
            ("rope_scaling", #"{"rope_type": "longrope", "long_factor": [1], "short_factor": [1]}"#, "rotary divisors"),
            ("rope_scaling", #"{"rope_type": "longrope", "long_factor": [0], "short_factor": [1]}"#, "long_factor"),
            ("rope_scaling", #"{"type": "dynamic", "factor": 4.0}"#, "got dynamic"),
            ("rope_scaling", #"{"type": "linear"}"#, "factor"), ("rope_scaling", #"{"type": "linear", "factor": 0}"#, "positive"),
            ("rope_scaling", "[]", "rope_scaling"),
            ("rope_parameters", #"{"full_attention": {"rope_type": 3}}"#, "rope_type"),
            ("rope_theta", "NaN", "rope theta"), ("rope_theta", "0", "rope theta"),
            ("hidden_size", "0", "hidden size: got 0"), ("hidden_size", "-96", "hidden size"),
            ("hidden_size", "97", "divisor of hidden_size"), ("hidden_size", "\"96\"", "hidden_size: got the string"),
            ("num_hidden_layers", "null", "num_hidden_layers: got nothing"), ("num_hidden_layers", "1e18", "number of layers"),
            ("num_attention_heads", "0", "num_attention_heads"),
            ("num_key_value_heads", "4", "multiple of the 4"), ("num_key_value_heads", "0", "key-value heads"),
            ("head_dim", "15", "an even number"), ("vocab_size", "9223372036854775807", "vocabulary"),
            ("rms_norm_eps", "Infinity", "epsilon"),
            ("eos_token_id", "1e300", "a token id"), ("tie_word_embeddings", "1", "tie_word_embeddings"),
        ])
    func refuses(_ key: String, _ value: String, _ reason: String) {
        #expect { _ = try Self.config([key: value]) } throws: {
            $0 is CheckpointError && "\($0)".contains("model/config.json") && "\($0)".contains(reason)
        }
    }

    @Test func slidingWindowCounts() throws {
        let llama = ["architectures": #"["LlamaForCausalLM"]"#, "use_sliding_window": nil] as [String: String?]
        #expect { _ = try Self.config(llama) } throws: { "\($0)".contains("sliding_window: got 4096") }
        func windows(_ changes: [String: String?]) throws -> [Int?] { try Self.config(changes).block.layers.map(\.window) }
        #expect(try windows(["use_sliding_window": nil]) == [])
        #expect(try windows(["use_sliding_window": "true"]) == [nil, nil, 4096])
        #expect(try windows(["use_sliding_window": "true", "max_window_layers": "3"]) == [])
        #expect(try windows(["use_sliding_window": "true", "sliding_window": "null"]) == [])
        let types = #"["sliding_attention", "full_attention", "sliding_attention"]"#
        #expect(try windows(["use_sliding_window": "true", "layer_types": types]) == [4096, nil, 4096])
        let mistral = ["architectures": #"["MistralForCausalLM"]"#, "sliding_window": "8"] as [String: String?]
        #expect(try windows(mistral) == [8, 8, 8])
        #expect(try windows(mistral.merging(["sliding_window": "null"]) { $1 }) == [])
        #expect(try windows(mistral.merging(["sliding_window": nil as String?]) { $1 }) == [4096, 4096, 4096])
    }
}

/// Configurations that `transformers` wrote, in its new keys and in its old ones, against what it says they mean.
@Suite struct ModelConfigReferenceTests {
    @Test(arguments: ["qwen2", "llama", "llama3", "linear", "big-head", "yarn", "yarn-fine", "longrope"], ["", "-old"])
    func agrees(_ name: String, _ suffix: String) throws {
        let folder = try ReferenceAnswers.folder("checkpoints")
        let expected = try #require(try JSON(file: folder.appendingPathComponent("configs.json").path)[name])
        let json = try JSON(file: folder.appendingPathComponent("configs/\(name)\(suffix).json").path)
        let config = try ModelConfig(huggingFace: json, generation: nil)
        #expect(try config.hiddenSize == expected.int("hidden"))
        #expect(try config.layers == expected.int("layers"))
        #expect(try config.heads == expected.int("heads"))
        #expect(try config.kvHeads == expected.int("kv_heads"))
        #expect(try config.headDim == expected.int("head_dim"))
        #expect(try config.ffnSize == expected.int("ffn"))
        #expect(try config.vocabSize == expected.int("vocab"))
        #expect(try config.contextLength == expected.int("context"))
        #expect(try config.ropeTheta == expected.double("theta"))
        #expect(try config.rmsEpsilon == Float(expected.double("epsilon")))
        #expect(try config.tiedEmbeddings == expected.bool("tied"))
        #expect(try config.bosToken.map(Int.init) == expected.optionalInt("bos"))
        #expect(try config.eosTokens.map(Int.init) == expected.array("eos").compactMap(\.int).filter { $0 < config.vocabSize })
        #expect(config.qkvBias == ["qwen2", "llama3", "yarn"].contains(name))
        #expect(config.outputBias == (name == "llama3"))

        func check(_ rotary: Rotary, _ key: String) throws {
            let wanted = try expected.array(key).compactMap(\.double).map { Float($0) }
            #expect(rotary.inverseFrequencies.count == wanted.count)
            for (got, want) in zip(rotary.inverseFrequencies, wanted) {
                #expect(abs(got - want) <= 2 * want.ulp, "got \(got), wanted \(want)")
            }
            #expect(try abs(rotary.factor - Float(expected.double("attention_factor"))) <= 2 * rotary.factor.ulp)
        }
        guard case .long(let rope) = config.ropeScaling else { return try check(config.rotary(), "frequencies") }
        // By the context that is served.
        try check(config.rotary(context: rope.originalContext), "frequencies")
        try check(config.rotary(context: rope.originalContext + 1), "long_frequencies")
        #expect(config.rotary() == config.rotary(context: config.contextLength))
    }
}
