import Checkpoints
import Models
import TestSupport
import Testing

@Suite struct ModelConfigGGUFTests {
    /// Metadata of a small Llama; the tests add to it, or replace keys.
    private static func metadata() -> [String: GGUFValue] {
        [
            "general.architecture": .string("llama"), "llama.embedding_length": .int(8), "llama.block_count": .int(1),
            "llama.attention.head_count": .int(2), "llama.attention.head_count_kv": .int(1), "llama.feed_forward_length": .int(12),
            "llama.context_length": .int(64), "llama.attention.layer_norm_rms_epsilon": .double(0.5),
            "tokenizer.ggml.bos_token_id": .int(1),
            "tokenizer.ggml.eos_token_id": .int(2), "tokenizer.ggml.eot_token_id": .int(2), "tokenizer.ggml.eom_token_id": .int(3),
        ]
    }

    private static func config(
        _ changes: [String: GGUFValue?] = [:], tensors: [(String, [UInt64])] = [("token_embd.weight", [8, 5])], fill: Float = 2
    ) throws -> ModelConfig {
        var builder = GGUFBytes()
        for (key, value) in metadata().merging(changes.compactMapValues { $0 }, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            if let change = changes[key], change == nil { continue }
            switch value {
            case .string(let text): builder.add(key, text)
            case .int(let number): builder.keyValues.append((key, 11, littleEndian(number)))
            case .double(let number): builder.keyValues.append((key, 12, littleEndian(number.bitPattern)))
            case .ints(let numbers): builder.add(key, arrayOf: 11, count: UInt64(numbers.count), numbers.flatMap { littleEndian($0) })
            default: Issue.record("\(value) is not written by this test")
            }
        }
        for (name, shape) in tensors { builder.addFloats(name, shape, [Float](repeating: fill, count: Int(shape.reduce(1, *)))) }
        return try ModelConfig(gguf: GGUFFile(OpenFile(path: "test.gguf", contents: builder.bytes)))
    }

    @Test func readsMetadata() throws {
        let config = try Self.config()
        #expect(config.architecture == "llama")
        #expect((config.hiddenSize, config.layers, config.heads, config.kvHeads, config.headDim) == (8, 1, 2, 1, 4))
        #expect((config.ffnSize, config.contextLength, config.vocabSize) == (12, 64, 5))
        #expect(config.rmsEpsilon == 0.5 && config.ropeTheta == 10000 && config.ropeScaling == nil)
        #expect(config.tiedEmbeddings && !config.qkvBias && !config.outputBias && !config.mlpBias)
        #expect(config.bosToken == 1 && config.eosTokens == [2, 3])
    }

    @Test func readsOptions() throws {
        #expect(try Self.config(["llama.attention.head_count_kv": nil]).kvHeads == 2)
        #expect(try Self.config(["llama.attention.key_length": .int(6), "llama.attention.value_length": .int(6)]).headDim == 6)
        #expect(try Self.config(["llama.rope.freq_base": .double(5e5)]).ropeTheta == 5e5)
        let scaled = try Self.config(["llama.rope.scaling.type": .string("linear"), "llama.rope.scaling.factor": .double(4)])
        #expect(scaled.ropeScaling == .linear(factor: 4))
        let divided = try Self.config(tensors: [("token_embd.weight", [8, 5]), ("rope_freqs.weight", [2])])
        #expect(divided.ropeScaling == .divisors([2, 2]))
        #expect(divided.rotary() == Rotary(inverseFrequencies: [0.5, 0.005], factor: 1))
        let biased = try Self.config(
            tensors: [
                ("token_embd.weight", [8, 5]), ("output.weight", [8, 5]), ("blk.0.attn_q.bias", [8]), ("blk.0.attn_output.bias", [8]),
                ("blk.0.ffn_gate.bias", [12]),
            ])
        #expect(!biased.tiedEmbeddings && biased.qkvBias && biased.outputBias && biased.mlpBias)
    }

    @Test(
        arguments: [
            ("general.architecture", .string("mamba"), "architecture mamba"), ("general.architecture", nil, "general.architecture"),
            ("general.type", .string("adapter"), "of type adapter"),
            ("llama.embedding_length", nil, "key llama.embedding_length: got nothing"),
            ("llama.embedding_length", .string("8"), "got the string"), ("llama.embedding_length", .int(-8), "hidden size: got -8"),
            ("llama.attention.head_count", .int(0), "divisor"), ("llama.attention.head_count", .int(3), "divisor"),
            ("llama.attention.head_count_kv", .ints([1, 1]), "an array of 2 integers"),
            ("llama.block_count", .int(1 << 40), "number of layers"),
            ("llama.attention.value_length", .int(9), "value heads of 9"), ("llama.attention.sliding_window", .int(32), "sliding-window"),
            ("llama.expert_count", .int(8), "8 experts"), ("llama.rope.dimension_count", .int(2), "rotating 2 of 4"),
            ("llama.rope.scaling.type", .string("yarn"), "rope.scaling.factor"), ("llama.rope.scaling.type", .string("ntk"), "ntk"),
            ("llama.rope.scaling.type", .string("linear"), "rope.scaling.factor"),
            ("llama.rope.scale_linear", .double(-2), "a positive number"), ("llama.logit_scale", .double(3), "logit_scale 3"),
            ("tokenizer.ggml.eos_token_id", .int(1 << 40), "a token id"),
            ("llama.attention.layer_norm_rms_epsilon", .double(.nan), "epsilon"),
        ] as [(String, GGUFValue?, String)])
    func refuses(_ key: String, _ value: GGUFValue?, _ reason: String) {
        // `value_length` only counts beside `key_length`.
        let changes: [String: GGUFValue?] =
            key.hasSuffix("value_length") ? [key: value, "llama.attention.key_length": .int(4)] : [key: value]
        #expect { _ = try Self.config(changes) } throws: {
            $0 is CheckpointError && "\($0)".contains("test.gguf") && "\($0)".contains(reason)
        }
    }

    @Test func refusesTensors() {
        #expect { _ = try Self.config(tensors: []) } throws: { "\($0)".contains("token_embd.weight is missing") }
        let embedding = ("token_embd.weight", [8, 5] as [UInt64])
        #expect { _ = try Self.config(tensors: [embedding, ("rope_freqs.weight", [3])]) } throws: {
            "\($0)".contains("shape [3], wanted [2]")
        }
        #expect { _ = try Self.config(tensors: [embedding, ("rope_freqs.weight", [2])], fill: 0) } throws: { "\($0)".contains("positive") }
    }
}
