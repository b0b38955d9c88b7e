import Adapters
import Foundation
import Tensors
import TestRandomness

/// Adapters with known numbers, written as files and read back.
enum SmallAdapters {
    static let sae = (latents: 64, k: 6, width: smallShape.hiddenSize)

    /// A sparsify folder with random weights.
    static func writeSAE(
        to folder: TemporaryFolder, at place: String, seed: UInt64, config: String? = nil, skip: Bool = false, transcode: Bool = false,
        change: (inout [Tensor]) -> Void = { _ in }
    ) throws {
        var generator = SeededRandom(seed: seed)
        let (latents, k, width) = sae
        var tensors = [
            Tensor("W_dec", [latents, width], using: &generator, scale: 0.3),
            Tensor("b_dec", [width], using: &generator, scale: 0.3),
            Tensor("encoder.bias", [latents], using: &generator, scale: 0.1),
            Tensor("encoder.weight", [latents, width], using: &generator, scale: 0.2),
        ]
        if skip { tensors.append(Tensor("W_skip", [width, width], using: &generator, scale: 0.1)) }
        change(&tensors)
        try folder.write(Tensor.file(tensors), to: "\(place)/sae.safetensors")
        let standard = """
            {"activation": "topk", "expansion_factor": 32, "normalize_decoder": true, "num_latents": \(latents), "k": \(k),
             "multi_topk": false, "skip_connection": \(skip), "transcode": \(transcode), "d_in": \(width)}
            """
        try folder.write(config ?? standard, to: "\(place)/cfg.json")
    }

    static func sae(
        seed: UInt64 = 1, hookpoint: String = "layers.2", skip: Bool = false, transcode: Bool = false, format: FloatFormat = .f32
    ) throws -> SparseAutoencoder {
        let folder = try TemporaryFolder()
        try writeSAE(to: folder, at: hookpoint, seed: seed, skip: skip, transcode: transcode)
        return try load(folder, hookpoint, format: format)
    }

    static func load(
        _ folder: TemporaryFolder, _ hookpoint: String = "layers.2", format: FloatFormat = .f32
    ) throws -> SparseAutoencoder {
        try SparseAutoencoder.load(
            folder: folder.url.appendingPathComponent(hookpoint), name: "sae", digest: "sha256:0",
            hookpoint: HookPoint(hookpoint) ?? .residual(layer: 0), shape: smallShape, format: format, pool: WorkerPool(threads: 1))
    }

    static let saelensConfig =
        #"{"architecture": "jumprelu", "d_in": 24, "d_sae": 32, "metadata": {"hook_name": "blocks.1.hook_resid_post"}}"#

    /// A SAELens jumprelu with random weights.
    static func writeSAELens(
        to folder: TemporaryFolder, at place: String, config: String = saelensConfig, change: (inout [Tensor]) -> Void = { _ in }
    ) throws {
        var generator = SeededRandom(seed: 5)
        var tensors = [
            Tensor("W_enc", [24, 32], using: &generator, scale: 0.2), Tensor("W_dec", [32, 24], using: &generator, scale: 0.3),
            Tensor("b_dec", [24], using: &generator, scale: 0.3), Tensor("b_enc", [32], using: &generator, scale: 0.1),
            Tensor("threshold", [32], using: &generator, scale: 0.1),
        ]
        change(&tensors)
        try folder.write(Tensor.file(tensors), to: "\(place)/sae_weights.safetensors")
        try folder.write(config, to: "\(place)/cfg.json")
    }

    /// A Gemma Scope 2 SAE with random weights.
    static func writeGemmaScope(
        to folder: TemporaryFolder, at place: String, config: String?, change: (inout [Tensor]) -> Void = { _ in }
    ) throws {
        var generator = SeededRandom(seed: 6)
        var tensors = [
            Tensor("w_enc", [24, 32], using: &generator, scale: 0.2), Tensor("w_dec", [32, 24], using: &generator, scale: 0.3),
            Tensor("b_dec", [24], using: &generator, scale: 0.3), Tensor("b_enc", [32], using: &generator, scale: 0.1),
            Tensor("threshold", [32], using: &generator, scale: 0.1),
        ]
        change(&tensors)
        try folder.write(Tensor.file(tensors), to: "\(place)/params.safetensors")
        if let config { try folder.write(config, to: "\(place)/config.json") }
    }

    static func loadSAELens(_ folder: TemporaryFolder, format: FloatFormat = .f32) throws -> SparseAutoencoder {
        try SAELensLayout(folder: folder.url, name: "sae", shape: smallShape)
            .load(digest: "sha256:2", format: format, pool: WorkerPool(threads: 1))
    }

    /// A PEFT folder with random weights on the given modules (`model.layers.1.self_attn.q_proj`, ...).
    static func writeLoRA(
        to folder: TemporaryFolder, modules: [(layer: Int, module: ProjectionModule)], rank: Int = 3, seed: UInt64, config: String? = nil,
        change: (inout [Tensor]) -> Void = { _ in }
    ) throws {
        var generator = SeededRandom(seed: seed)
        var tensors: [Tensor] = []
        for (layer, module) in modules {
            let path = "base_model.model.\(Architecture.llama.weights.module(module, layer: layer) ?? "")"
            tensors.append(Tensor("\(path).lora_A.weight", [rank, smallShape.inputs(module)], using: &generator))
            tensors.append(Tensor("\(path).lora_B.weight", [smallShape.outputs(module), rank], using: &generator))
        }
        change(&tensors)
        try folder.write(Tensor.file(tensors), to: "adapter_model.safetensors")
        let names = Set(modules.map { "\"\($0.module.rawValue)\"" }).sorted().joined(separator: ", ")
        try folder.write(
            config ?? #"{"peft_type": "LORA", "r": \#(rank), "lora_alpha": 6, "target_modules": [\#(names)]}"#,
            to: "adapter_config.json")
    }

    static func loadLoRA(
        _ folder: TemporaryFolder, format: AdapterFormat = .f32, base: (any BaseProjections)? = nil, pool: WorkerPool? = nil
    ) throws -> LoRAAdapter {
        try LoRAAdapter.load(
            folder: folder.url, name: "lora", digest: "sha256:1", shape: smallShape, format: format, base: base,
            pool: pool ?? WorkerPool(threads: 1))
    }
}

extension [RowContext] {
    /// Rows of one sequence from a position on.
    static func sequence(_ count: Int, from position: Int = 0, promptLength: Int = 4) -> [RowContext] {
        (0..<count).map { RowContext(position: Int32(position + $0), promptLength: Int32(promptLength), row: Int32($0)) }
    }
}
