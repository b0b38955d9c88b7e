import Adapters
import Foundation
import Tensors
import Testing

/// Broken, foreign and hostile LoRA folders: a clear error that names the culprit, never a crash, never half an adapter.
@Suite struct HostileLoRATests {
    private static let modules: [(layer: Int, module: ProjectionModule)] = [(0, .q), (2, .down)]
    private static let prefix = "base_model.model.model.layers"

    /// The error of loading a good folder in which one thing was changed.
    private func error(
        config: String? = nil, rank: Int = 3, modules: [(layer: Int, module: ProjectionModule)] = modules,
        change: (inout [Tensor]) -> Void = { _ in }, folder change2: (TemporaryFolder) throws -> Void = { _ in },
        _ location: SourceLocation = #_sourceLocation
    ) throws -> AdapterError {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: modules, rank: rank, seed: 1, config: config, change: change)
        try change2(folder)
        return try #require(throws: AdapterError.self, sourceLocation: location) { _ = try SmallAdapters.loadLoRA(folder) }
    }

    private func config(_ more: String, rank: String = "3", alpha: String = "6", targets: String = #"["q_proj", "down_proj"]"#) -> String {
        #"{"peft_type": "LORA", "r": \#(rank), "lora_alpha": \#(alpha), "target_modules": \#(targets)\#(more.isEmpty ? "" : ", ")\#(more)}"#
    }

    @Test func theUnchangedFolderLoads() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: Self.modules, seed: 1, config: config(""))
        let lora = try SmallAdapters.loadLoRA(folder)
        #expect(lora.update(layer: 0, module: .q)?.scale == 2)
        #expect(lora.update(layer: 0, module: .k) == nil && lora.update(layer: 1, module: .q) == nil)
    }

    @Test(arguments: [
        (#""bias": "all""#, "bias"), (#""lora_bias": true"#, "lora_bias"),
        (#""modules_to_save": ["lm_head"]"#, "modules_to_save"), (#""trainable_token_indices": [1]"#, "trainable_token_indices"),
        (#""target_parameters": ["x"]"#, "target_parameters"), (#""layer_replication": [[0, 2]]"#, "layer_replication"),
        (#""alora_invocation_tokens": [5]"#, "alora_invocation_tokens"), (#""use_qalora": true"#, "use_qalora"),
        (#""use_something_new": true"#, "use_something_new"), (#""init_lora_weights": "pissa_niter_4""#, "pissa"),
        (#""init_lora_weights": "olora""#, "olora"), (#""peft_type": "IA3""#, "IA3"), (#""arrow_config": {"top_k": 3}"#, "arrow_config"),
        (#""unheard_of": {"a": [1]}"#, "unheard_of"), (#""unheard_of": true"#, "unheard_of"),
        (#""enable_lora": [true, false]"#, "enable_lora"),
    ])
    func whatItDoesNotDoIsRefusedByName(entry: String, named: String) throws {
        guard case .unsupported(let adapter, let feature, _) = try error(config: config(entry)) else {
            Issue.record("\(entry) was not refused as unsupported")
            return
        }
        #expect(adapter == "lora" && feature.contains(named))
    }

    @Test(arguments: [
        #""use_dora": false"#, #""use_dora": null"#, #""modules_to_save": []"#, #""modules_to_save": null"#, #""bias": "none""#,
        #""lora_dropout": 0.1"#, #""init_lora_weights": "gaussian""#, #""task_type": "CAUSAL_LM", "inference_mode": true"#,
        #""megatron_core": "megatron.core", "megatron_config": null"#, #""use_something_new": false"#,
        #""unheard_of": {}, "unheard_of_size": 16, "unheard_of_core": "x.core""#,
        #""loftq_config": {}, "eva_config": {"rho": 2.0}, "velora_config": {"num_groups": 64}, "runtime_config": {"x": true}"#,
        #""rank_pattern": {}, "alpha_pattern": {}"#, #""layers_to_transform": null"#,
    ])
    func whatChangesNothingIsIgnored(entry: String) throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: Self.modules, seed: 1, config: config(entry))
        #expect(try SmallAdapters.loadLoRA(folder).ranks == [3])
    }

    @Test(arguments: [
        ("[]", "object"), ("", "JSON"), ("{", "JSON"), (#"{"r": "8", "target_modules": ["q_proj"]}"#, "'r'"),
        (#"{"r": 0, "target_modules": ["q_proj"]}"#, "'r'"), (#"{"r": -3, "target_modules": ["q_proj"]}"#, "'r'"),
        (#"{"r": 1e300, "target_modules": ["q_proj"]}"#, "'r'"), (#"{"r": 4611686018427387904, "target_modules": ["q_proj"]}"#, "'r'"),
        (#"{"r": 3, "lora_alpha": NaN, "target_modules": ["q_proj"]}"#, "lora_alpha"),
        (#"{"r": 3, "lora_alpha": 1e999, "target_modules": ["q_proj"]}"#, "lora_alpha"),
        (#"{"r": 3, "lora_alpha": "8", "target_modules": ["q_proj"]}"#, "lora_alpha"), (#"{"r": 3}"#, "target_modules"),
        (#"{"r": 3, "target_modules": 7}"#, "target_modules"), (#"{"r": 3, "target_modules": [["q_proj"]]}"#, "target_modules"),
        (#"{"r": 3, "target_modules": ["q_proj"], "use_rslora": "yes"}"#, "use_rslora"),
        (#"{"r": 3, "target_modules": ["q_proj"], "rank_pattern": ["q_proj"]}"#, "rank_pattern"),
        (#"{"r": 3, "target_modules": ["q_proj"], "rank_pattern": {"q_proj": 2.5}}"#, "rank_pattern"),
        (#"{"r": 3, "target_modules": ["q_proj"], "alpha_pattern": {"(": 2}}"#, "alpha_pattern"),
        (#"{"r": 3, "target_modules": "(q_proj"}"#, "target_modules"),
        (#"{"r": 3, "target_modules": "(?:(?:[\\w.]+)+)+[0-9]"}"#, "too many steps"),
        (#"{"r": 3, "target_modules": ["q_proj"], "layers_to_transform": "all"}"#, "layers_to_transform"),
        (#"{"r": 3, "target_modules": ["q_proj", "down_proj"], "peft_type": 3}"#, "peft_type"),
    ])
    func badConfigs(text: String, named: String) throws {
        guard case .badFile(_, let file, let problem) = try error(config: text) else {
            Issue.record("\(text) was not refused as a bad file")
            return
        }
        #expect(file == "adapter_config.json")
        #expect(problem.contains(named), "\(problem)")
    }

    @Test func tensorsMustFitConfigAndModel() throws {
        let q = "\(Self.prefix).0.self_attn.q_proj"
        #expect(
            try error(change: { $0[0].shape = [smallShape.hiddenSize, 3] })
                == .shapeMismatch(adapter: "lora", tensor: "\(q).lora_A.weight", got: [24, 3], wanted: [3, 24]))
        #expect(
            try error(config: config("", rank: "4"))
                == .shapeMismatch(adapter: "lora", tensor: "\(q).lora_A.weight", got: [3, 24], wanted: [4, 24]))
        #expect(
            try error(config: config(#""rank_pattern": {"q_proj": 7}"#))
                == .shapeMismatch(adapter: "lora", tensor: "\(q).lora_A.weight", got: [3, 24], wanted: [7, 24]))
        #expect(try error(config: config("", rank: "65536")).description.contains("wanted [65536, 24]"))
        #expect(try error(modules: [(4, .q)]) == .layerOutOfRange(adapter: "lora", layer: 4, layers: 4))
        #expect(try error(change: { $0.removeLast() }).description.contains("lora_B.weight' is not"))
        #expect(try error(change: { $0.removeFirst() }).description.contains("lora_A.weight' is not"))
        #expect(try error(config: config(#""use_dora": true"#)).description.contains("lora_magnitude_vector' is not"))
        #expect(
            try error(change: { tensors in
                tensors.append(tensors[0])
                tensors[tensors.count - 1].name = "\(q).lora_magnitude_vector"
            }).description.contains("does not say use_dora"))
        #expect(try error(change: { $0.removeAll() }).description.contains("no tensors"))
        #expect(
            try error(config: config("", targets: #"["q_proj"]"#)).description.contains("does not target 'model.layers.2.mlp.down_proj'"))
        let tail = try error(config: config("", targets: #"["proj", "down_proj"]"#))
        #expect(tail.description.contains("does not target 'model.layers.0.self_attn.q_proj'"), "names match from dot to dot")
        #expect(try error(config: config(#""layers_to_transform": [0, 1]"#)).description.contains("does not target"))
        #expect(try error(config: config(#""exclude_modules": ["q_proj"]"#)).description.contains("does not target"))
        #expect(try error(change: { $0[1].values[5] = .nan }).description.contains("nan in row 1"))
        #expect(try error(change: { $0[0].values[0] = -.infinity }).description.contains("-inf in row 0"))
        #expect(try error(config: config("", alpha: "1e300")).description.contains("not finite"))
    }

    @Test(arguments: [
        "base_model.model.lm_head.lora_A.weight", "base_model.model.model.embed_tokens.lora_embedding_A",
        "\(prefix).0.self_attn.q_proj.lora_magnitude_vector", "\(prefix).0.self_attn.q_proj.lora_B.bias",
        "\(prefix).0.self_attn.qkv_proj.lora_A.weight", "\(prefix).0.mlp.q_proj.lora_A.weight", "\(prefix).x.mlp.up_proj.lora_A.weight",
        "\(prefix).-1.mlp.up_proj.lora_A.weight", "model.layers.0.mlp.up_proj.lora_A.weight", "stray", "base_model.model.", "",
        "base_model.model.model.layers.0.self_attn.q_proj.extra.lora_A.weight", "base_model.model..lora_A.weight",
    ])
    func everyTensorIsUsedOrRefusedByName(name: String) throws {
        let error = try error(change: { $0.append(Tensor(name, [3, 24], [Float](repeating: 0, count: 72))) })
        #expect(error.description.contains("'\(name)'") || error.description.contains(name.split(separator: ".").dropLast(2).last ?? ""))
    }

    @Test func brokenFiles() throws {
        #expect(
            try error(folder: { try FileManager.default.removeItem(at: $0.url.appendingPathComponent("adapter_config.json")) })
                .description.contains("adapter_config.json"))
        let missing = try error(folder: {
            try FileManager.default.removeItem(at: $0.url.appendingPathComponent("adapter_model.safetensors"))
        })
        #expect(missing.description.contains("adapter_model.safetensors"))
        let pickled = try error(folder: {
            try FileManager.default.moveItem(
                at: $0.url.appendingPathComponent("adapter_model.safetensors"), to: $0.url.appendingPathComponent("adapter_model.bin"))
        })
        #expect(pickled.description.contains("safe_serialization"))
        let loop = try error(folder: {
            let path = $0.url.appendingPathComponent("adapter_model.safetensors").path
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
        })
        #expect(loop.description.contains("adapter_model.safetensors"))
        let device = try error(folder: {
            let path = $0.url.appendingPathComponent("adapter_config.json").path
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
        })
        #expect(device.description.contains("adapter_config.json"))
    }

    @Test func errorsDoNotTellWhereTheFolderLies() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: Self.modules, seed: 1)
        try folder.write("not safetensors at all", to: "adapter_model.safetensors")
        let error = try #require(throws: AdapterError.self) { _ = try SmallAdapters.loadLoRA(folder) }
        #expect(!error.description.contains(folder.url.path))
    }
}
