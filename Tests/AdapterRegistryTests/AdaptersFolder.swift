import Adapters
import Foundation
import TestSupport

@testable import AdapterRegistry

/// A model for the adapters of these tests.
let smallShape = ModelShape(layers: 4, hiddenSize: 16, queryWidth: 16, keyValueWidth: 8, ffnSize: 24, vocabSize: 50)

/// A temporary directory of adapters, removed with its owner.
final class AdaptersFolder {
    let url: URL
    static let latents = 32

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> URL { url.appendingPathComponent(name) }

    func write(_ data: Data, to name: String) throws {
        try FileManager.default.createDirectory(at: path(name).deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: path(name), options: .atomic)
    }

    func write(_ text: String, to name: String) throws { try write(Data(text.utf8), to: name) }

    /// A LoRA on layer 1's q_proj whose every number is `value`.
    func addLoRA(_ name: String, value: Float = 0.5, rank: Int = 2) throws {
        try write(
            #"{"peft_type": "LORA", "r": \#(rank), "lora_alpha": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "some/base"}"#,
            to: "\(name)/adapter_config.json")
        let prefix = "base_model.model.model.layers.1.self_attn.q_proj"
        try write(
            Self.safetensors([
                ("\(prefix).lora_A.weight", [rank, smallShape.hiddenSize], value),
                ("\(prefix).lora_B.weight", [smallShape.queryWidth, rank], value),
            ]),
            to: "\(name)/adapter_model.safetensors")
    }

    func addSAE(_ name: String, hookpoints: [String], width: Int = smallShape.hiddenSize) throws {
        for hookpoint in hookpoints {
            try write(
                #"{"activation": "topk", "num_latents": \#(Self.latents), "k": 4, "d_in": \#(width)}"#, to: "\(name)/\(hookpoint)/cfg.json")
            try write(
                Self.safetensors([
                    ("W_dec", [Self.latents, width], 0.25), ("b_dec", [width], 0), ("encoder.bias", [Self.latents], 0.5),
                    ("encoder.weight", [Self.latents, width], 0.125),
                ]),
                to: "\(name)/\(hookpoint)/sae.safetensors")
        }
    }

    /// A SAELens SAE (standard) in any folder, for the place that `hook` names.
    func addSAELens(_ place: String, hook: String) throws {
        let width = smallShape.hiddenSize
        try write(
            #"{"architecture": "standard", "d_in": \#(width), "d_sae": \#(Self.latents), "metadata": {"hook_name": "\#(hook)"}}"#,
            to: "\(place)/cfg.json")
        try write(
            Self.safetensors([
                ("W_dec", [Self.latents, width], 0.25), ("W_enc", [width, Self.latents], 0.125), ("b_dec", [width], 0),
                ("b_enc", [Self.latents], 0.5),
            ]),
            to: "\(place)/sae_weights.safetensors")
    }

    /// Steering vectors of ones.
    func addSteering(_ name: String, hookpoints: [String]) throws {
        let vectors = hookpoints.map { "\"\($0)\": \"v\"" }.joined(separator: ", ")
        try write("{\"vectors\": {\(vectors)}}", to: "\(name)/steering.json")
        try write(Self.safetensors([("v", [smallShape.hiddenSize], 1)]), to: "\(name)/vector.safetensors")
    }

    /// A GGUF LoRA for qwen2 on layer 1's q_proj.
    func addPackedLoRA(_ name: String, file: String = "adapter.gguf") throws {
        var packed = GGUFBytes()
        packed.add("general.architecture", "qwen2")
        packed.add("general.type", "adapter")
        packed.add("adapter.type", "lora")
        packed.add("adapter.lora.alpha", Float(4))
        let width = smallShape.hiddenSize
        packed.addFloats("blk.1.attn_q.weight.lora_a", [UInt64(width), 2], [Float](repeating: 0.5, count: 2 * width))
        packed.addFloats(
            "blk.1.attn_q.weight.lora_b", [2, UInt64(smallShape.queryWidth)], [Float](repeating: 0.5, count: 2 * smallShape.queryWidth))
        try write(Data(packed.bytes), to: "\(name)/\(file)")
    }

    /// A llama.cpp control vector for blocks 1 and 2.
    func addControlVector(_ name: String, file: String = "control.gguf") throws {
        var packed = GGUFBytes()
        packed.add("general.architecture", "controlvector")
        for layer in 1...2 {
            let width = smallShape.hiddenSize
            packed.addFloats("direction.\(layer)", [UInt64(width)], [Float](repeating: Float(layer), count: width))
        }
        try write(Data(packed.bytes), to: "\(name)/\(file)")
    }

    func registry(shape: ModelShape? = smallShape) throws -> AdapterRegistry {
        try AdapterRegistry(folder: url, shape: shape, format: .f32, baseName: "base")
    }

    static func safetensors(_ tensors: [(name: String, shape: [Int], value: Float)]) -> Data {
        var entries: [String] = []
        var body = Data()
        for (name, shape, value) in tensors {
            let start = body.count
            [Float](repeating: value, count: shape.reduce(1, *)).withUnsafeBytes { body.append(contentsOf: $0) }
            entries.append("\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[\(start),\(body.count)]}")
        }
        let header = Data("{\(entries.joined(separator: ","))}".utf8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header + body
    }
}
