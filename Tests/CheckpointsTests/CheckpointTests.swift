import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite struct CheckpointTests {
    private func folder(_ files: [String: String] = [:]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("{}", to: "config.json")
        try folder.write(SafetensorsBytes.file([("a", [1], [5])]), to: "model.safetensors")
        for (name, text) in files { try folder.write(text, to: name) }
        return folder
    }

    private func open(_ folder: TemporaryFolder) throws -> HuggingFaceFolder {
        guard case .huggingFace(let opened) = try Checkpoint.open(path: folder.url.path) else {
            throw CheckpointError.cannotRead(file: folder.url.path, reason: "not opened as a folder")
        }
        return opened
    }

    @Test func opensFolder() throws {
        let folder = try folder([
            "config.json": #"{"hidden_size": 4}"#, "tokenizer.json": "{}", "tokenizer_config.json": #"{"bos_token": "<s>"}"#,
            "generation_config.json": #"{"eos_token_id": [1]}"#,
        ])
        let opened = try open(folder)
        #expect(try opened.config.int("hidden_size") == 4)
        #expect(opened.tokenizerJSON == folder.url.path + "/tokenizer.json")
        #expect(opened.tokenizerConfig?["bos_token"] == .string("<s>"))
        #expect(opened.generationConfig?["eos_token_id"]?[0] == .int(1))
        #expect(opened.chatTemplates.isEmpty)
        #expect(try Checkpoint.open(path: folder.url.path).tensors.floats("a") == [5])
    }

    @Test func optionalFilesMayBeAbsent() throws {
        let opened = try open(folder())
        #expect(opened.tokenizerJSON == nil)
        #expect(opened.tokenizerConfig == nil)
        #expect(opened.generationConfig == nil)
    }

    @Test func prefersShards() throws {
        let folder = try folder(["model.safetensors.index.json": #"{"weight_map": {"b": "part.safetensors"}}"#])
        try folder.write(SafetensorsBytes.file([("b", [1], [6])]), to: "part.safetensors")
        #expect(try open(folder).tensors.tensorNames == ["b"])
    }

    @Test func findsChatTemplate() throws {
        #expect(try open(folder(["tokenizer_config.json": #"{"chat_template": "T"}"#])).chatTemplates == ["default": "T"])
        #expect(try open(folder(["tokenizer_config.json": #"{"chat_template": null}"#])).chatTemplates.isEmpty)
        let list = #"{"chat_template": [{"name": "tool_use", "template": "U"}, {"name": "default", "template": "D"}]}"#
        #expect(try open(folder(["tokenizer_config.json": list])).chatTemplates["default"] == "D")
        let noDefault = #"{"chat_template": [{"name": "tool_use", "template": "U"}, {"name": "rag", "template": "R"}]}"#
        #expect(try open(folder(["tokenizer_config.json": noDefault])).chatTemplates == ["tool_use": "U", "rag": "R"])
        #expect(try open(folder(["tokenizer_config.json": list])).chatTemplates == ["tool_use": "U", "default": "D"])
        // Files hide what the configuration says.
        #expect(try open(folder(["tokenizer_config.json": list, "chat_template.jinja": "J"])).chatTemplates == ["default": "J"])
        let several = try folder(["tokenizer_config.json": list, "chat_template.jinja": "J"])
        try FileManager.default.createDirectory(
            at: several.url.appendingPathComponent("additional_chat_templates"), withIntermediateDirectories: true)
        try several.write(Data("T".utf8), to: "additional_chat_templates/tool_use.jinja")
        try several.write(Data("no".utf8), to: "additional_chat_templates/notes.txt")
        #expect(try open(several).chatTemplates == ["default": "J", "tool_use": "T"])
        #expect { _ = try open(folder(["tokenizer_config.json": #"{"chat_template": 3}"#])) } throws: { "\($0)".contains("chat_template") }
        #expect { _ = try open(folder(["tokenizer_config.json": #"{"chat_template": [{"name": "x"}]}"#])) } throws: {
            "\($0)".contains("chat_template[0]")
        }
    }

    @Test func findsNamedTemplatesOfGGUF() throws {
        var file = GGUFBytes()
        file.add("general.architecture", "llama")
        file.add("tokenizer.chat_template", "D")
        file.add("tokenizer.chat_templates", arrayOf: 8, count: 2, GGUFBytes.string("tool_use") + GGUFBytes.string("rag"))
        file.add("tokenizer.chat_template.tool_use", "T")
        file.add("tokenizer.chat_template.rag", "R")
        let folder = try TemporaryFolder()
        let opened = try Checkpoint.open(path: folder.write(file.bytes, to: "x.gguf"))
        #expect(opened.chatTemplates == ["default": "D", "tool_use": "T", "rag": "R"])
        #expect(opened.chatTemplate == "D")
    }

    @Test func refusesIncompleteFolders() throws {
        let empty = try TemporaryFolder()
        #expect { _ = try Checkpoint.open(path: empty.url.path) } throws: { "\($0)".contains("no config.json") }
        try empty.write("", to: "x.gguf")
        #expect { _ = try Checkpoint.open(path: empty.url.path) } throws: { "\($0)".contains("it holds x.gguf") }
        try empty.write("{}", to: "config.json")
        #expect { _ = try Checkpoint.open(path: empty.url.path) } throws: { "\($0)".contains("neither model.safetensors") }
        try empty.write("", to: "pytorch_model.bin")
        #expect { _ = try Checkpoint.open(path: empty.url.path) } throws: { "\($0)".contains("pytorch_model.bin") }
        #expect { _ = try Checkpoint.open(path: empty.url.path + "/x.gguf") } throws: { "\($0)".contains("x.gguf") }
        #expect { _ = try Checkpoint.open(path: "/no/such/model") } throws: { "\($0)".contains("no such file or folder") }
        for name in ["config.json", "tokenizer_config.json", "generation_config.json"] {
            #expect { _ = try open(folder([name: "{"])) } throws: { $0 is CheckpointError && "\($0)".contains(name) }
        }
    }

    @Test func suggestsNearNames() {
        let names = ["model.layers.0.q.weight", "model.layers.1.q.weight", "lm_head.weight"]
        #expect(NearNames.find("model.layers.0.k.weight", among: names) == ["model.layers.0.q.weight", "model.layers.1.q.weight"])
        #expect(NearNames.find("xyz", among: names) == [])
        #expect(NearNames.find("LM_HEAD", among: names) == ["lm_head.weight"])

        let adapters = ["smollm2-gsm8k-lora", "smollm2-sae", "other"]
        #expect(NearNames.find("smolm2-sae", among: adapters) == ["smollm2-sae"])
        #expect(NearNames.find("GSM8K", among: adapters) == ["smollm2-gsm8k-lora"])
        #expect(NearNames.find("smollm2", among: adapters, limit: 1) == ["smollm2-gsm8k-lora"])
        #expect(NearNames.find("zzzzzz", among: adapters).isEmpty && NearNames.find("", among: adapters).isEmpty)
    }
}
