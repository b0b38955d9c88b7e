import Adapters
import Foundation
import Tensors
import TestRandomness
import Testing

/// Broken, foreign and hostile SAE folders.
@Suite struct HostileSAETests {
    private func error(
        config: String? = nil, skip: Bool = false, transcode: Bool = false, at hookpoint: String = "layers.2",
        change: (inout [Tensor]) -> Void = { _ in }, _ location: SourceLocation = #_sourceLocation
    ) throws -> AdapterError {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeSAE(
            to: folder, at: hookpoint, seed: 1, config: config, skip: skip, transcode: transcode, change: change)
        return try #require(throws: AdapterError.self, sourceLocation: location) { _ = try SmallAdapters.load(folder, hookpoint) }
    }

    @Test func missingKeysHaveSparsifysDefaults() throws {
        let folder = try TemporaryFolder()
        var generator = SeededRandom(seed: 3)
        let latents = smallShape.hiddenSize * 32
        try SmallAdapters.writeSAE(to: folder, at: "layers.2", seed: 1, config: #"{"d_in": 24}"#) {
            $0 = [
                Tensor("W_dec", [latents, 24], using: &generator), Tensor("b_dec", [24], using: &generator),
                Tensor("encoder.bias", [latents], using: &generator), Tensor("encoder.weight", [latents, 24], using: &generator),
            ]
        }
        let sae = try SmallAdapters.load(folder)
        #expect(sae.latents == latents && sae.k == 32 && sae.activation == .topk && !sae.transcode && !sae.skip)
    }

    @Test(arguments: [
        ("[]", "object"), ("{", "JSON"), ("{}", "d_in"), (#"{"d_in": "24"}"#, "d_in"), (#"{"d_in": 0}"#, "d_in"),
        (#"{"d_in": 24.5}"#, "d_in"), (#"{"d_in": 9223372036854775807}"#, "d_in"),
        (#"{"d_in": 24, "num_latents": 64, "k": 65}"#, "'k'"), (#"{"d_in": 24, "num_latents": 64, "k": 0}"#, "'k'"),
        (#"{"d_in": 24, "num_latents": -64}"#, "num_latents"), (#"{"d_in": 1048576, "expansion_factor": 67108864}"#, "latents"),
        (#"{"d_in": 24, "expansion_factor": 0}"#, "latents"),
        (#"{"d_in": 24, "num_latents": 64, "k": 6, "activation": "groupmax"}"#, "groups"),
        (#"{"d_in": 24, "num_latents": 64, "k": 6, "transcode": 1}"#, "transcode"),
        (#"{"d_in": 24, "num_latents": 64, "k": 6, "activation": 3}"#, "activation"),
    ])
    func badConfigs(text: String, named: String) throws {
        guard case .badFile(_, let file, let problem) = try error(config: text) else {
            Issue.record("\(text) was not refused as a bad file")
            return
        }
        #expect(file == "cfg.json")
        #expect(problem.contains(named), "\(problem)")
    }

    /// Keys that other versions and forks of sparsify wrote, or may write.
    @Test(arguments: [
        #""signed": true"#, #""normalize_io": true"#, #""post_encoder_scale": 2.0"#, #""jumprelu": {"a": 1}"#, #""of": ["x"]"#,
    ])
    func keysThatMayChangeTheResultAreRefusedByName(entry: String) throws {
        let key = entry.split(separator: "\"")[0]
        guard case .unsupported(_, let feature, _) = try error(config: #"{"d_in": 24, "num_latents": 64, "k": 6, \#(entry)}"#) else {
            Issue.record("\(entry) was not refused as unsupported")
            return
        }
        #expect(feature.contains("'\(key)'"))
    }

    @Test(arguments: [
        #""signed": false"#, #""signed": null"#, #""normalize_decoder": true, "multi_topk": true"#, #""normalize_io": false"#,
        #""n_targets": 0"#,
        #""of": [], "the": {}, "future": """#,
    ])
    func keysThatChangeNothingAreNot(entry: String) throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeSAE(to: folder, at: "layers.2", seed: 1, config: #"{"d_in": 24, "num_latents": 64, "k": 6, \#(entry)}"#)
        #expect(try SmallAdapters.load(folder).k == 6)
    }

    @Test func whatItDoesNotDoIsRefusedByName() throws {
        let activation = try error(config: #"{"d_in": 24, "num_latents": 64, "activation": "jumprelu"}"#)
        #expect(activation.description.contains("jumprelu") && activation.description.contains("topk"))
        let block = try error(transcode: true)
        #expect(block.description.contains("transcoder of a whole block (layers.2)"))
        #expect(try error(at: "layers.4") == .layerOutOfRange(adapter: "sae", layer: 4, layers: 4))
    }

    @Test func tensorsMustFitConfigAndModel() throws {
        #expect(
            try error(change: { $0[0].shape = [24, 64] })
                == .shapeMismatch(adapter: "sae", tensor: "W_dec", got: [24, 64], wanted: [64, 24]))
        #expect(
            try error(change: { $0[3] = Tensor("encoder.weight", [32, 24], Array($0[3].values.prefix(32 * 24))) })
                == .shapeMismatch(adapter: "sae", tensor: "encoder.weight", got: [32, 24], wanted: [64, 24]))
        #expect(
            try error(change: { $0[1].shape = [24, 1] })
                == .shapeMismatch(adapter: "sae", tensor: "b_dec", got: [24, 1], wanted: [24]))
        for index in 0..<4 {
            var name = ""
            let missing = try error(change: { name = $0.remove(at: index).name })
            #expect(missing.description.contains("'\(name)' is missing"))
        }
        #expect(try error(skip: true, change: { $0.removeLast() }).description.contains("'W_skip' is missing"))
        let stray = try error(change: { $0.append(Tensor("W_skip", [24, 24], [Float](repeating: 0, count: 576))) })
        #expect(stray.description.contains("W_skip"))
        for index in 0..<4 {
            let value = try error(change: { $0[index].values[$0[index].values.count - 1] = .nan })
            #expect(value.description.contains("nan"))
        }
        let narrow = try error(
            config: #"{"d_in": 12, "num_latents": 64, "k": 6}"#,
            change: { tensors in
                for index in tensors.indices where tensors[index].name != "encoder.bias" {
                    let shape = tensors[index].shape.dropLast() + [12]
                    tensors[index] = Tensor(tensors[index].name, Array(shape), Array(tensors[index].values.prefix(shape.reduce(1, *))))
                }
            })
        #expect(narrow == .shapeMismatch(adapter: "sae", tensor: "encoder.weight", got: [64, 12], wanted: [64, 24]))
    }
}
