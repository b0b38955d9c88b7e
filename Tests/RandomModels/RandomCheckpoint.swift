import Foundation
import TestRandomness

/// Writes small checkpoints and adapters with random weights, the way the formats' own libraries write them.
package struct RandomCheckpoint {
    package let folder: URL
    private var random: SeededRandom

    package static let hidden = 64
    package static let layers = 3
    package static let heads = 4
    package static let kvHeads = 2
    package static let ffn = 96
    package static let vocab = 256

    /// A folder that the caller removes.
    package init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    package func remove() { try? FileManager.default.removeItem(at: folder) }

    /// A Qwen2 checkpoint with biases; returns its folder.
    /// - Parameter further: tensors beside those of the model.
    package mutating func model(further: [(String, [Int], [Float])] = []) throws -> URL {
        let (hidden, ffn, width) = (Self.hidden, Self.ffn, Self.hidden / Self.heads * Self.kvHeads)
        var tensors: [(String, [Int], [Float])] = [
            ("model.embed_tokens.weight", [Self.vocab, hidden], normal(Self.vocab * hidden, 1)),
            ("lm_head.weight", [Self.vocab, hidden], normal(Self.vocab * hidden, 0.2)),
            ("model.norm.weight", [hidden], normal(hidden, 0.1, mean: 1)),
        ]
        for layer in 0..<Self.layers {
            let prefix = "model.layers.\(layer)."
            func weight(_ name: String, _ outputs: Int, _ inputs: Int) {
                tensors.append((prefix + name + ".weight", [outputs, inputs], normal(outputs * inputs, 1 / Float(inputs).squareRoot())))
            }
            for norm in ["input_layernorm", "post_attention_layernorm"] {
                tensors.append((prefix + norm + ".weight", [hidden], normal(hidden, 0.1, mean: 1)))
            }
            for (name, outputs) in [("q_proj", hidden), ("k_proj", width), ("v_proj", width)] {
                weight("self_attn." + name, outputs, hidden)
                tensors.append((prefix + "self_attn.\(name).bias", [outputs], normal(outputs, 0.3)))
            }
            weight("self_attn.o_proj", hidden, hidden)
            weight("mlp.gate_proj", ffn, hidden)
            weight("mlp.up_proj", ffn, hidden)
            weight("mlp.down_proj", hidden, ffn)
        }
        let config: [String: Any] = [
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": hidden, "intermediate_size": ffn,
            "num_hidden_layers": Self.layers, "num_attention_heads": Self.heads, "num_key_value_heads": Self.kvHeads,
            "vocab_size": Self.vocab, "max_position_embeddings": 2048, "rope_theta": 10000.0, "rms_norm_eps": 1e-6,
            "tie_word_embeddings": false, "torch_dtype": "float32",
        ]
        let folder = folder.appendingPathComponent("model")
        try write(folder, "config.json", config)
        try Self.writeSafetensors(tensors + further, to: folder.appendingPathComponent("model.safetensors"))
        return folder
    }

    /// A PEFT LoRA on `modules` of every layer; below layer `from` its B matrices are zero, as SAE-Tuning leaves them.
    /// - Parameter dora: gives every output of it a magnitude around 1, the length that rows of W have about.
    package mutating func lora(_ name: String, rank: Int, modules: [String], from: Int = 0, dora: Bool = false) throws {
        let width = Self.hidden / Self.heads * Self.kvHeads
        let outputs = [
            "q_proj": Self.hidden, "k_proj": width, "v_proj": width, "o_proj": Self.hidden, "gate_proj": Self.ffn, "up_proj": Self.ffn,
            "down_proj": Self.hidden,
        ]
        var tensors: [(String, [Int], [Float])] = []
        for layer in 0..<Self.layers {
            for module in modules {
                let inputs = module == "down_proj" ? Self.ffn : Self.hidden
                let parent = ["gate_proj", "up_proj", "down_proj"].contains(module) ? "mlp" : "self_attn"
                let prefix = "base_model.model.model.layers.\(layer).\(parent).\(module)."
                tensors.append((prefix + "lora_A.weight", [rank, inputs], normal(rank * inputs, 0.2)))
                tensors.append(
                    (prefix + "lora_B.weight", [outputs[module]!, rank], normal(outputs[module]! * rank, layer < from ? 0 : 0.2)))
                if dora { tensors.append((prefix + "lora_magnitude_vector", [outputs[module]!], normal(outputs[module]!, 0.2, mean: 1))) }
            }
        }
        let config: [String: Any] = [
            "peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": modules, "bias": "none", "task_type": "CAUSAL_LM",
            "use_dora": dora,
        ]
        let folder = folder.appendingPathComponent("adapters/\(name)")
        try write(folder, "adapter_config.json", config)
        try Self.writeSafetensors(tensors, to: folder.appendingPathComponent("adapter_model.safetensors"))
    }

    /// A sparsify SAE at `hookpoints`.
    package mutating func sae(_ name: String, hookpoints: [String], latents: Int = 192, k: Int = 8) throws {
        for hookpoint in hookpoints {
            let folder = folder.appendingPathComponent("adapters/\(name)/\(hookpoint)")
            try write(
                folder, "cfg.json",
                ["activation": "topk", "expansion_factor": 3, "num_latents": latents, "k": k, "d_in": Self.hidden, "signed": false])
            try Self.writeSafetensors(
                [
                    ("encoder.weight", [latents, Self.hidden], normal(latents * Self.hidden, 0.125)),
                    ("encoder.bias", [latents], normal(latents, 0.05)),
                    ("W_dec", [latents, Self.hidden], normal(latents * Self.hidden, 0.125)),
                    ("b_dec", [Self.hidden], normal(Self.hidden, 0.05)),
                ], to: folder.appendingPathComponent("sae.safetensors"))
        }
    }

    /// A SAELens jumprelu that normalises, at the TransformerLens place `hook`.
    package mutating func saelens(_ name: String, hook: String, latents: Int = 192) throws {
        let folder = folder.appendingPathComponent("adapters/\(name)")
        try write(
            folder, "cfg.json",
            [
                "architecture": "jumprelu", "d_in": Self.hidden, "d_sae": latents, "normalize_activations": "layer_norm",
                "metadata": ["hook_name": hook],
            ])
        try Self.writeSafetensors(
            [
                ("W_enc", [Self.hidden, latents], normal(latents * Self.hidden, 0.125)), ("b_enc", [latents], normal(latents, 0.05)),
                ("threshold", [latents], normal(latents, 0.1, mean: 0.4)),
                ("W_dec", [latents, Self.hidden], normal(latents * Self.hidden, 0.125)),
                ("b_dec", [Self.hidden], normal(Self.hidden, 0.05)),
            ], to: folder.appendingPathComponent("sae_weights.safetensors"))
    }

    /// One steering vector for all `hookpoints`.
    package mutating func steering(_ name: String, hookpoints: [String]) throws {
        let folder = folder.appendingPathComponent("adapters/\(name)")
        try write(folder, "steering.json", ["vectors": Dictionary(uniqueKeysWithValues: hookpoints.map { ($0, "v") })])
        try Self.writeSafetensors([("v", [Self.hidden], normal(Self.hidden, 0.2))], to: folder.appendingPathComponent("vector.safetensors"))
    }

    private mutating func normal(_ count: Int, _ deviation: Float, mean: Float = 0) -> [Float] {
        (0..<count).map { _ in deviation == 0 ? mean : mean + deviation * random.normal() }
    }

    private func write(_ folder: URL, _ name: String, _ object: [String: Any]) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try JSONSerialization.data(withJSONObject: object).write(to: folder.appendingPathComponent(name))
    }

    package static func writeSafetensors(_ tensors: [(String, [Int], [Float])], to url: URL) throws {
        var header: [String: Any] = [:]
        var data = Data()
        for (name, shape, values) in tensors {
            let start = data.count
            values.withUnsafeBytes { data.append(contentsOf: $0) }
            header[name] = ["dtype": "F32", "shape": shape, "data_offsets": [start, data.count]]
        }
        let json = try JSONSerialization.data(withJSONObject: header)
        var length = UInt64(json.count).littleEndian
        var file = withUnsafeBytes(of: &length) { Data($0) }
        file.append(json)
        file.append(data)
        try file.write(to: url)
    }
}
