import Adapters
import Foundation
import Tensors
import Testing

/// Folders of Gemma Scope 2: what says where they hook in, and what is refused by its name. Their numbers are compared in `SAELensGoldenTests`.
@Suite struct GemmaScopeTests {
    private func open(
        _ config: String?, at place: String = "scope", change: (inout [Tensor]) -> Void = { _ in }
    ) throws -> any SAELayout {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeGemmaScope(to: folder, at: place, config: config, change: change)
        let contents = Set(try FileManager.default.contentsOfDirectory(atPath: folder.url.appendingPathComponent(place).path))
        let format = try #require(SAEPlace.format(of: contents, folderName: place))
        let layout = try SAEPlace(folder: place, format: format).open(in: folder.url, name: "scope", shape: smallShape)
        _ = try layout.load(digest: "d", format: .f32, pool: WorkerPool(threads: 1))
        return layout
    }

    private func config(_ input: String, _ output: String? = nil, more: String = "") -> String {
        let second = output.map { #", "hf_hook_point_out": "\#($0)""# } ?? ""
        return #"{"architecture": "jump_relu", "model_name": "m", "hf_hook_point_in": "\#(input)"\#(second)\#(more)}"#
    }

    @Test func configsSayTheHookpoint() throws {
        let (mlpInput, mlp) = ("model.layers.1.pre_feedforward_layernorm.output", "model.layers.1.post_feedforward_layernorm.output")
        let residual = try open(config("model.layers.2.output"))
        #expect(residual.hookpoint == .residual(layer: 2) && !residual.transcode && residual.latents == 32 && residual.width == 24)
        #expect(residual.files == ["config.json", "params.safetensors"] && residual.activation == .jumprelu)
        #expect(try open(config(mlp)).hookpoint == .mlp(layer: 1))
        let transcoder = try open(config(mlpInput, mlp, more: #", "affine_connection": false, "l0": 20"#))
        #expect(transcoder.hookpoint == .mlp(layer: 1) && transcoder.transcode)
    }

    @Test func foldersSayItWhereThereIsNoConfig() throws {
        let named = try open(nil, at: "layers.1.mlp")
        #expect(named.hookpoint == .mlp(layer: 1) && named.files == ["params.safetensors"])
        #expect { _ = try open(nil) } throws: { "\($0)".contains("nothing says where it hooks in") }
        // A config is believed, whatever the folder is called.
        #expect(try open(config("model.layers.2.output"), at: "layers.1").hookpoint == .residual(layer: 2))
    }

    @Test func whatIsNotServedIsRefusedByName() throws {
        let (mlpInput, mlp) = ("model.layers.1.pre_feedforward_layernorm.output", "model.layers.1.post_feedforward_layernorm.output")
        let refused: [(config: String, named: String)] = [
            (config("model.layers.1.self_attn.o_proj.input"), "self_attn.o_proj.input"), (config("model.layers.1.input"), "layers.1.input"),
            (config(mlpInput), "the MLP's input in layers.1"), (config(mlpInput, "model.layers.2.output"), "to 'layers.2'"),
            (config("model.layers.1.output", "model.layers.2.output"), "to 'layers.2'"),
            (config(mlpInput, mlp, more: #", "affine_connection": true"#), "affine_connection"),
            (config("model.layers.9.output"), "layer 9"), (config("model.layers.1.output", more: #", "unheard_of": true"#), "unheard_of"),
            (#"{"architecture": "top_k", "hf_hook_point_in": "model.layers.1.output"}"#, "top_k"),
            (#"{"architecture": "jump_relu"}"#, "hf_hook_point_in"), (#"{"architecture": 3}"#, "architecture"), ("[]", "object"),
        ]
        for (config, named) in refused {
            #expect { _ = try open(config) } throws: { $0 is AdapterError && "\($0)".contains(named) }
        }
    }

    @Test func tensorsThatDoNotFitAreRefused() throws {
        let config = config("model.layers.1.output")
        let changes: [(named: String, change: (inout [Tensor]) -> Void)] = [
            ("w_enc", { $0.removeAll { $0.name == "w_enc" } }), ("threshold", { $0.removeAll { $0.name == "threshold" } }),
            ("w_enc", { $0[0] = Tensor("w_enc", [24 * 32], $0[0].values) }),
            ("w_dec", { $0[1] = Tensor("w_dec", [24, 32], $0[1].values) }),
            ("affine_skip_connection", { $0.append(Tensor("affine_skip_connection", [24, 24], Array(repeating: 0, count: 576))) }),
        ]
        for (named, change) in changes {
            #expect { _ = try open(config, change: change) } throws: { $0 is AdapterError && "\($0)".contains(named) }
        }
    }
}
