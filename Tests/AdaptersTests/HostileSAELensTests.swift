import Adapters
import Foundation
import Tensors
import Testing

/// The end of a config.
private let tail = #""metadata": {"hook_name": "blocks.1.hook_resid_post"}}"#

/// Broken, foreign and hostile SAELens folders.
@Suite struct HostileSAELensTests {
    private func error(
        config: String, change: (inout [Tensor]) -> Void = { _ in }, _ location: SourceLocation = #_sourceLocation
    ) throws -> AdapterError {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeSAELens(to: folder, at: ".", config: config, change: change)
        return try #require(throws: AdapterError.self, sourceLocation: location) { _ = try SmallAdapters.loadSAELens(folder) }
    }

    @Test(arguments: [
        ("[]", "object"), ("{", "JSON"), ("{}", "d_in"), (#"{"d_in": "24"}"#, "d_in"), (#"{"d_in": 0}"#, "d_in"),
        (#"{"d_in": 24}"#, "d_sae"), (#"{"d_in": 24, "d_sae": 9223372036854775807}"#, "d_sae"), (#"{"d_in": 24, "d_sae": -1}"#, "d_sae"),
        (#"{"d_in": 24, "d_sae": 32, "architecture": 3}"#, "architecture"),
        (#"{"d_in": 24, "d_sae": 32, "architecture": "topk", \#(tail)"#, "'k' is missing"),
        (#"{"d_in": 24, "d_sae": 32, "architecture": "topk", "k": 33, \#(tail)"#, "more than the 32"),
        (#"{"d_in": 24, "d_sae": 32, "architecture": "topk", "k": 0, \#(tail)"#, "'k'"),
        (
            #"{"d_in": 24, "d_sae": 32, "activation_fn_str": "topk", "activation_fn_kwargs": [], "hook_point": "blocks.1.hook_mlp_out"}"#,
            "activation_fn_kwargs"
        ),
        (#"{"d_in": 24, "d_sae": 32, "normalize_activations": 3, \#(tail)"#, "normalize_activations"),
        (#"{"d_in": 24, "d_sae": 32, "apply_b_dec_to_input": "yes", \#(tail)"#, "apply_b_dec_to_input"),
        (#"{"d_in": 24, "d_sae": 32, "metadata": 3}"#, "metadata"), (#"{"d_in": 24, "d_sae": 32}"#, "hook_name"),
        (#"{"d_in": 24, "d_sae": 32, "metadata": {"hook_name": 3}}"#, "hook_name"),
        (#"{"d_in": 24, "d_sae": 32, "architecture": "transcoder", "apply_b_dec_to_input": true, \#(tail)"#, "apply_b_dec_to_input"),
        (#"{"d_in": 24, "d_sae": 32, "architecture": "transcoder", \#(tail)"#, "hook_name_out"),
        (
            #"{"d_in": 24, "d_sae": 32, "normalize_activations": "expected_average_only_in", "norm_scaling_factor": 0, \#(tail)"#,
            "norm_scaling_factor"
        ),
    ])
    func badConfigs(text: String, named: String) throws {
        guard case .badFile(_, let file, let problem) = try error(config: text) else {
            Issue.record("\(text) was not refused as a bad file")
            return
        }
        #expect(file == "cfg.json")
        #expect(problem.contains(named), "\(problem)")
    }

    @Test(arguments: [
        (#""architecture": "matryoshka""#, "matryoshka"), (#""architecture": "temporal""#, "temporal"),
        (#""architecture": "matching_pursuit""#, "matching_pursuit"),
        (#""activation_fn": "tanh-relu""#, "tanh-relu"), (#""architecture": "gated", "activation_fn": "topk""#, "topk"),
        (#""normalize_activations": "covariance_whitening""#, "covariance_whitening"), (#""reshape_activations": "hook_z""#, "hook_z"),
        (#""activation_fn_kwargs": {"power": 2}"#, "power"), (#""unheard_of": true"#, "unheard_of"),
        (#""output_scale": 2.0"#, "output_scale"),
        (#""hook_head_index": 3"#, "attention head"), (#""architecture": "transcoder", "d_out": 48"#, "48"),
    ])
    func whatItDoesNotDoIsRefusedByName(keys: String, named: String) throws {
        guard case .unsupported(_, let feature, _) = try error(config: #"{"d_in": 24, "d_sae": 32, \#(keys), \#(tail)"#) else {
            Issue.record("\(keys) was not refused as unsupported")
            return
        }
        #expect(feature.contains(named), "\(feature)")
    }

    @Test(arguments: [
        "blocks.1.attn.hook_z", "blocks.1.hook_attn_out", "blocks.0.hook_resid_pre", "blocks.1.hook_resid_mid", "hook_embed", "",
        "blocks.-1.hook_mlp_out", "blocks.1234567.hook_mlp_out", "blocks..hook_mlp_out", "blocks.1.hook_mlp_out.x", "blocks.1.",
    ])
    func otherHooksAreRefusedByName(hook: String) throws {
        let got = try error(config: #"{"d_in": 24, "d_sae": 32, "metadata": {"hook_name": "\#(hook)"}}"#)
        guard case .unsupported(_, let feature, let advice) = got else {
            Issue.record("\(hook) was not refused as unsupported")
            return
        }
        #expect(feature == "hook '\(hook)'" && advice.contains("hook_resid_post"))
        #expect(HookPoint(transformerLens: hook) == nil)
    }

    @Test(arguments: [
        #"{"d_in": 24, "d_sae": 32, "architecture": "jumprelu", "dtype": "float32", "device": "cuda", "unheard_of": false, \#(tail)"#,
        #"{"d_in": 24, "d_sae": 32, "architecture": "jumprelu", "hook_name": "blocks.1.hook_resid_post", "l1_coefficient": 5, "use_ghost_grads": true}"#,
    ])
    func trainingKeysChangeNothing(config: String) throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeSAELens(to: folder, at: ".", config: config)
        #expect(try SmallAdapters.loadSAELens(folder).latents == 32)
    }

    @Test func hooksAreMapped() {
        #expect(HookPoint(transformerLens: "blocks.12.hook_resid_post") == .residual(layer: 12))
        #expect(HookPoint(transformerLens: "blocks.12.hook_resid_pre") == .residual(layer: 11))
        #expect(HookPoint(transformerLens: "blocks.0.hook_mlp_out") == .mlp(layer: 0))
    }

    @Test(arguments: [
        ("blocks.1.hook_resid_mid", "blocks.1.hook_mlp_out"), ("blocks.1.hook_mlp_in", "blocks.2.hook_mlp_out"),
        ("blocks.1.hook_mlp_in", "blocks.1.hook_resid_post"),
    ])
    func otherTranscodersAreRefused(input: String, output: String) throws {
        let config = #"{"d_in": 24, "d_sae": 32, "architecture": "transcoder", "apply_b_dec_to_input": false, "#
        let got = try error(config: config + #""metadata": {"hook_name": "\#(input)", "hook_name_out": "\#(output)"}}"#)
        #expect(got.description.contains("'\(input)' to '\(output)'"), "\(got)")
    }

    @Test func tensorsMustFitConfigAndModel() throws {
        let config = SmallAdapters.saelensConfig
        #expect(
            try error(config: config, change: { $0[0].shape = [32, 24] })
                == .shapeMismatch(adapter: "sae", tensor: "W_enc", got: [32, 24], wanted: [24, 32]))
        #expect(
            try error(config: config, change: { $0[1].shape = [24, 32] })
                == .shapeMismatch(adapter: "sae", tensor: "W_dec", got: [24, 32], wanted: [32, 24]))
        for index in 0..<5 {
            var name = ""
            let missing = try error(config: config, change: { name = $0.remove(at: index).name })
            #expect(missing.description.contains("'\(name)' is missing"), "\(missing)")
            let value = try error(config: config, change: { $0[index].values[$0[index].values.count - 1] = .infinity })
            #expect(value.description.contains("inf"), "\(value)")
        }
        let stray = try error(config: config, change: { $0.append(Tensor("W_skip", [24, 24], [Float](repeating: 0, count: 576))) })
        #expect(stray.description.contains("W_skip"))
        let tuned = try error(config: config, change: { $0.append(Tensor("scaling_factor", [32], [Float](repeating: 1.5, count: 32))) })
        #expect(tuned.description.contains("scaling_factor"))
        let deep = try error(config: config.replacingOccurrences(of: "blocks.1", with: "blocks.4"))
        #expect(deep == .layerOutOfRange(adapter: "sae", layer: 4, layers: 4))
        let narrow = try error(
            config: #"{"d_in": 12, "d_sae": 32, \#(tail)"#,
            change: {
                $0 = [
                    Tensor("W_enc", [12, 32], [Float](repeating: 1, count: 384)),
                    Tensor("W_dec", [32, 12], [Float](repeating: 1, count: 384)),
                    Tensor("b_dec", [12], [Float](repeating: 1, count: 12)), Tensor("b_enc", [32], [Float](repeating: 1, count: 32)),
                ]
            })
        #expect(narrow == .shapeMismatch(adapter: "sae", tensor: "W_enc", got: [12, 32], wanted: [24, 32]))
        let training = try error(
            config: config.replacingOccurrences(of: "jumprelu", with: "batchtopk"), change: { $0[4] = Tensor("topk_threshold", [], [1]) })
        #expect(training.description.contains("topk_threshold"))
    }
}
