import Adapters
import Digests
import Foundation
import Testing

@testable import AdapterRegistry

@Suite struct ScanTests {
    @Test func everyFolderIsListed() throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("math", rank: 3)
        try folder.addSAE("r1-sae", hookpoints: ["layers.2", "layers.0.mlp", "model.layers.1"])
        try folder.write(
            #"{"base_model": "B", "description": "D", "labels": {"3": "three", "4": 4}, "made": [1]}"#, to: "r1-sae/manifest.json")
        try folder.write("readme", to: "README.md")
        try folder.write("hidden", to: ".cache/x")
        try folder.write("other files are nobody's business", to: "r1-sae/notes/x.txt")
        let list = try folder.registry().list()
        #expect(list.map(\.name) == ["math", "r1-sae"])
        #expect(list[0].kind == .lora && list[0].rank == 3 && list[0].baseModel == "some/base" && list[0].error == nil)
        #expect(list[0].state == .cold && list[0].bytes > 3 * 32 * 4)
        #expect(list[0].modules == [.q] && list[0].layers == [1])
        #expect(list[1].dictionaries.map(\.hookpoint) == list[1].hookpoints)
        #expect(list[1].dictionaries.allSatisfy { $0.k == 4 && $0.activation == .topk && !$0.transcode && !$0.skip })
        #expect(list[1].kind == .sae && list[1].latents == AdaptersFolder.latents)
        #expect(list[1].hookpoints == [.mlp(layer: 0), .residual(layer: 1), .residual(layer: 2)])
        #expect(list[1].baseModel == "B" && list[1].description == "D" && list[1].labels == ["3": "three"])
    }

    @Test func aFolderNamedAsAHookpointMayHoldTheSAEItself() throws {
        let folder = try AdaptersFolder()
        try folder.addSAE(".", hookpoints: ["layers.3"])
        try folder.addSAE("x", hookpoints: ["layers.3"])
        for file in ["cfg.json", "sae.safetensors"] {
            try folder.write(Data(contentsOf: folder.path("x/layers.3/\(file)")), to: "y/\(file)")
        }
        let list = try folder.registry().list()
        #expect(list.map(\.name) == ["layers.3", "x", "y"])
        #expect(list[0].error == nil && list[0].hookpoints == [.residual(layer: 3)])
        #expect(try #require(list[2].error).contains("hookpoint"))
    }

    @Test func saelensFoldersAreFoundWhereverTheyLie() async throws {
        let folder = try AdaptersFolder()
        try folder.addSAELens("one", hook: "blocks.2.hook_resid_pre")
        try folder.addSAELens("many/blocks.1.hook_mlp_out", hook: "blocks.1.hook_mlp_out")
        try folder.addSAELens("many/resid/layer_2/width_32", hook: "blocks.2.hook_resid_post")
        try folder.addSAELens("deep/a/b/c/d", hook: "blocks.2.hook_resid_post")
        try folder.addSAE("mixed", hookpoints: ["layers.0"])
        try folder.addSAELens("mixed/other", hook: "blocks.1.hook_resid_post")
        try folder.addSAELens("same/a", hook: "blocks.1.hook_resid_post")
        try folder.addSAELens("same/b", hook: "blocks.2.hook_resid_pre")
        try folder.addSAELens("circle/a", hook: "blocks.1.hook_resid_post")
        try FileManager.default.createSymbolicLink(atPath: folder.path("circle/a/again").path, withDestinationPath: "..")
        let registry = try folder.registry()
        let list = Dictionary(uniqueKeysWithValues: registry.list().map { ($0.name, $0) })
        #expect(list["one"]?.hookpoints == [.residual(layer: 1)] && list["one"]?.kind == .sae)
        #expect(list["many"]?.hookpoints == [.mlp(layer: 1), .residual(layer: 2)])
        #expect(list["mixed"]?.hookpoints == [.residual(layer: 0), .residual(layer: 1)])
        #expect(list["mixed"]?.dictionaries.map(\.k) == [4, nil])
        #expect(list["circle"]?.hookpoints == [.residual(layer: 1)])
        #expect(list["deep"]?.error?.contains("neither") == true)
        #expect(list["same"]?.error?.contains("same hookpoint") == true)

        let set = try await registry.resolve([
            AdapterSelection(name: "many", layer: 2, edits: [LatentEdit(latent: 3, op: .set, value: 1)])
        ])
        #expect(set.actions(at: .residual(layer: 2)).first?.intervention?.sae.activation == .relu)
    }

    @Test func packedAdaptersAndSteeringVectorsAreListed() throws {
        let folder = try AdaptersFolder()
        try folder.addPackedLoRA("packed")
        try folder.addControlVector("control")
        try folder.addSteering("steering", hookpoints: ["layers.2", "layers.0.mlp"])
        try folder.addLoRA("peft-and-packed")
        try folder.addPackedLoRA("peft-and-packed")
        try folder.addPackedLoRA("two")
        try folder.addControlVector("two")
        try folder.addSteering("both", hookpoints: ["layers.2"])
        try folder.addSAE("both", hookpoints: ["layers.1"])
        try folder.write("not a GGUF file", to: "text/x.gguf")
        let list = Dictionary(uniqueKeysWithValues: try folder.registry().list().map { ($0.name, $0) })
        #expect(list["packed"]?.kind == .lora && list["packed"]?.rank == 2 && list["packed"]?.layers == [1])
        #expect(list["control"]?.kind == .vector && list["control"]?.hookpoints == [.residual(layer: 1), .residual(layer: 2)])
        #expect(list["steering"]?.kind == .vector && list["steering"]?.hookpoints == [.mlp(layer: 0), .residual(layer: 2)])
        #expect(list["peft-and-packed"]?.error == nil && list["peft-and-packed"]?.baseModel == "some/base")
        #expect(list["two"]?.error?.contains("adapter.gguf, control.gguf") == true)
        #expect(list["both"]?.error?.contains("both steering vectors") == true)
        #expect(list["text"]?.error?.contains("x.gguf: magic") == true)
        #expect(list.values.allSatisfy { ($0.digest == nil) == ($0.error != nil) })
    }

    @Test func digestsFollowTheBytesAndNothingElse() throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("a")
        try folder.addLoRA("b")
        try folder.addLoRA("c", value: 0.75)
        try folder.write(#"{"description": "only words"}"#, to: "b/manifest.json")
        let list = try folder.registry().list()
        let digests = list.map(\.digest)
        #expect(digests[0] == digests[1])
        #expect(digests[0] != digests[2])

        func hex(_ data: Data) -> String { HexText.of(SHA256.of(data)) }
        let config = hex(try Data(contentsOf: folder.path("a/adapter_config.json")))
        let tensors = hex(try Data(contentsOf: folder.path("a/adapter_model.safetensors")))
        let lines = "\(config)  adapter_config.json\n\(tensors)  adapter_model.safetensors\n"
        #expect(digests[0] == "sha256:" + hex(Data(lines.utf8)))
    }

    @Test func brokenFoldersAreListedWithWhatIsWrong() throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("good")
        try folder.addLoRA("base")
        try folder.addLoRA("with blank")
        try folder.addLoRA("with:colon")
        try FileManager.default.createDirectory(at: folder.path("empty"), withIntermediateDirectories: true)
        try folder.addLoRA("both")
        try folder.addSAE("both", hookpoints: ["layers.1"])
        try folder.addSAE("twice", hookpoints: ["layers.1", "model.layers.1"])
        try folder.addSAE("wide", hookpoints: ["layers.1"], width: 20)
        try folder.addSAE("deep", hookpoints: ["layers.4"])
        try folder.addLoRA("truncated")
        let tensors = try Data(contentsOf: folder.path("truncated/adapter_model.safetensors"))
        try folder.write(tensors.dropLast(4), to: "truncated/adapter_model.safetensors")
        try folder.addLoRA("bad-manifest")
        try folder.write("[1", to: "bad-manifest/manifest.json")
        try folder.addLoRA("no-tensors")
        try FileManager.default.removeItem(at: folder.path("no-tensors/adapter_model.safetensors"))
        let links = [("loop", folder.path("loop").path), ("dangling", "nowhere")]
        for (name, target) in links {
            try FileManager.default.createSymbolicLink(atPath: folder.path(name).path, withDestinationPath: target)
        }
        try FileManager.default.createDirectory(at: folder.path("inner"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: folder.path("inner/layers.1").path, withDestinationPath: "..")
        mkfifo(folder.path("no-tensors/adapter_model.safetensors").path, 0o600)

        let list = try folder.registry().list()
        let errors = Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0.error) })
        #expect(errors["good"] == .some(nil))
        let wanted = [
            "base": "base model's name", "with blank": "printable", "with:colon": "printable", "empty": "neither", "both": "both",
            "twice": "same hookpoint", "wide": "[32, 20], wanted [32, 16]", "deep": "layer 4", "truncated": "adapter_model.safetensors",
            "bad-manifest": "manifest.json", "no-tensors": "adapter_model.safetensors", "loop": "cannot be opened",
            "dangling": "cannot be opened", "inner": "neither",
        ]
        #expect(Set(list.map(\.name)) == Set(wanted.keys).union(["good"]))
        for (name, text) in wanted {
            let summary = try #require(list.first { $0.name == name })
            #expect(summary.error?.contains(text) == true, "\(name): \(summary.error ?? "no error")")
            #expect(summary.state == .broken && summary.digest == nil)
            #expect(summary.error?.contains(folder.url.path) == false, "\(name) tells where the folder lies")
        }
    }

    @Test func withoutAModelAdaptersAreListedAllTheSame() throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("math")
        try folder.addSAE("wide", hookpoints: ["layers.77"], width: 20)
        let list = try folder.registry(shape: nil).list()
        #expect(list.allSatisfy { $0.error == nil && $0.digest != nil })
        #expect(list[0].rank == 2 && list[1].hookpoints == [.residual(layer: 77)])
    }

    @Test func theFolderItselfMustBeThere() throws {
        let missing = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        let error = #expect(throws: AdapterRegistryError.self) {
            try AdapterRegistry(folder: missing, shape: smallShape, format: .f32, baseName: "base")
        }
        #expect(error?.path == missing.path)
        #expect(try AdapterRegistry(folder: nil, shape: smallShape, format: .f32, baseName: "base").list().isEmpty)
    }
}
