import Checkpoints
import Foundation
import JSONText
import Models
import RandomModels
import TestSupport
import Testing

/// Models that see, of which the text part is read: Gemma 3 from 4B on.
@Suite struct WrappedModelTests {
    private static let wrapper = "Gemma3ForConditionalGeneration"

    /// The same weights under either spelling of the names, beside those of another part.
    @Test(arguments: ["language_model.model.", "model.language_model."]) func theTextPartIsRead(root: String) throws {
        let folder = try ReferenceAnswers.folder("models/gemma3").appendingPathComponent("checkpoint")
        let plain = try Checkpoint.open(path: folder.path)
        let config = try ModelConfig.read(plain)
        let wrapped = FileManager.default.temporaryDirectory.appendingPathComponent("resa-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: wrapped) }
        try FileManager.default.createDirectory(at: wrapped, withIntermediateDirectories: true)
        var text = try #require(try JSON(file: folder.appendingPathComponent("config.json").path).object)
        let (begin, end) = (text["bos_token_id"] ?? .null, text["eos_token_id"] ?? .null)
        for key in ["architectures", "bos_token_id", "eos_token_id"] { text[key] = .null }
        let json: JSON = [
            "architectures": [.string(Self.wrapper)], "text_config": .object(text), "vision_config": ["hidden_size": 8],
            "bos_token_id": begin, "eos_token_id": end,
        ]
        try Data(JSONWriter.bytes(json)).write(to: wrapped.appendingPathComponent("config.json"))
        let file = try SafetensorsFile(path: folder.appendingPathComponent("model.safetensors").path)
        let tensors = try file.tensorNames.map { name in
            (root + name.dropFirst("model.".count), file.info(name)?.shape ?? [], try file.floats(name))
        }
        try RandomCheckpoint.writeSafetensors(
            tensors + [("vision_tower.blocks.0.weight", [2], [1, 2])], to: wrapped.appendingPathComponent("model.safetensors"))

        let opened = try Checkpoint.open(path: wrapped.path)
        #expect(try ModelConfig.read(opened) == config)
        let (reader, other) = (try WeightReader(checkpoint: plain, config: config), try WeightReader(checkpoint: opened, config: config))
        let parts = config.family.weights.tensors(config, inGGUF: false).flatMap(\.parts)
        for part in parts { #expect(try reader.vector(part.place) == other.vector(part.place), "\(part.place)") }
        #expect(parts.count > 30)
        // LoRAs have the names of the class that they were trained on.
        for prefix in ["model.layers.", "layers.", root + "layers."] {
            #expect(config.family.weights.find(module: (prefix + "2.mlp.up_proj").utf8)?.layer == 2)
        }
        #expect(config.family.weights.find(module: "vision_model.layers.2.mlp.up_proj".utf8) == nil)
        #expect(Architecture.llama.weights.find(module: (root + "layers.2.mlp.up_proj").utf8) == nil)
    }

    @Test func whatTheConfigurationLeavesOut() throws {
        let json = try JSON(
            parsing: #"""
                {"architectures": ["Gemma3ForConditionalGeneration"], "eos_token_id": [1, 106], "text_config": {"hidden_size": 2560,
                "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0,
                "rope_type": "linear"}, "sliding_window": 1024}, "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27}}
                """#)
        let config = try ModelConfig(huggingFace: json, generation: nil)
        #expect(config.family == .gemma3 && config.hiddenSize == 2560 && config.layers == 34 && config.tiedEmbeddings)
        #expect((config.heads, config.kvHeads, config.headDim, config.vocabSize) == (8, 4, 256, 262_208))
        #expect(config.contextLength == 131_072 && config.ropeTheta == 1_000_000 && config.eosTokens == [1, 106])
        #expect(config.block.layers.map(\.window).prefix(7) == [1024, 1024, 1024, 1024, 1024, nil, 1024])
        #expect(config.rotaries().all.count == 2 && config.block.scoreScale == 1 / 16)
    }
}
