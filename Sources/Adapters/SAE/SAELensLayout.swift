import Checkpoints
import Foundation
import Tensors

/// A SAELens folder (`cfg.json`, `sae_weights.safetensors`), read and checked but not loaded; or one of Gemma Scope 2 (`GemmaScopeConfig`), whose SAEs
/// are SAELens' jumprelus under other names.
///
/// Factors that the format leaves to run time are folded into the weights here: the scale of `expected_average_only_in`
/// (`W_enc * s`, `W_dec / s`, `b_dec / s`), and the decoder norms `n` of a rescaled top-k (`W_enc * n`, `b_enc * n`, `W_dec / n`).
package struct SAELensLayout: SAELayout {
    package static let configFile = SAELensConfig.file
    package static let tensorFile = "sae_weights.safetensors"

    package let name: String
    private let config: SAELensConfig
    private let tensors: AdapterTensorReader
    private let tensorNames: TensorNames

    package var hookpoint: HookPoint { config.hookpoint }
    /// The files that decide what it does.
    package let files: [String]
    package var latents: Int { config.latents }
    package var k: Int? { config.k }
    package var width: Int { config.width }
    package var activation: SparseAutoencoder.Activation { config.architecture.activation }
    package var transcode: Bool { config.architecture.isTranscoder }
    package var skip: Bool { config.architecture.skips }

    /// Reads the config and the tensor file's header, and checks one against the other and both against `shape` (nil: unknown).
    /// - Parameter shownAs: the folder's path inside the adapter, for error messages; empty when it is the adapter's own folder.
    package init(folder: URL, name: String, shownAs: String = "", shape: ModelShape?) throws(AdapterError) {
        let prefix = shownAs.isEmpty ? "" : shownAs + "/"
        self.name = name
        config = try SAELensConfig(folder: folder, adapter: name, shownAs: prefix + Self.configFile)
        tensors = try AdapterTensorReader(opening: Self.tensorFile, in: folder, shownIn: shownAs, adapter: name)
        (tensorNames, files) = (.saelens, [Self.configFile, Self.tensorFile])
        try shape?.requireLayer(hookpoint.layer, adapter: name)
        try checkTensors(hiddenSize: shape?.hiddenSize ?? config.width)
    }

    /// The same of a Gemma Scope 2 folder.
    /// - Parameter hookpoint: what the folder's name says, for one without a config.
    package init(
        gemmaScope folder: URL, name: String, hookpoint: HookPoint?, shownAs: String = "", shape: ModelShape?
    ) throws(AdapterError) {
        self.name = name
        tensors = try AdapterTensorReader(opening: GemmaScopeConfig.tensorFile, in: folder, shownIn: shownAs, adapter: name)
        let scope = try GemmaScopeConfig(folder: folder, adapter: name, shownAs: shownAs, hookpoint: hookpoint)
        let encoder = try tensors.shape("w_enc")
        guard encoder.count == 2, encoder.allSatisfy({ $0 > 0 }) else {
            throw .badFile(adapter: name, file: tensors.file, problem: "tensor 'w_enc' has shape \(encoder), wanted [hidden size, latents]")
        }
        config = SAELensConfig(
            architecture: scope.isTranscoder ? .jumpreluTranscoder : .jumprelu, hookpoint: scope.hookpoint, width: encoder[0],
            latents: encoder[1])
        (tensorNames, files) = (.gemmaScope, (scope.hasFile ? [GemmaScopeConfig.file] : []) + [GemmaScopeConfig.tensorFile])
        try shape?.requireLayer(self.hookpoint.layer, adapter: name)
        try checkTensors(hiddenSize: shape?.hiddenSize ?? config.width)
    }

    /// What the matrices are called; vectors have the same names everywhere.
    private struct TensorNames {
        let encoder: String
        let decoder: String

        static let saelens = TensorNames(encoder: "W_enc", decoder: "W_dec")
        static let gemmaScope = TensorNames(encoder: "w_enc", decoder: "w_dec")
    }

    /// Jumprelus of early versions store the logarithm of the threshold.
    private var storesLogThreshold: Bool { tensors.tensors.info("log_threshold") != nil }

    private func checkTensors(hiddenSize: Int) throws(AdapterError) {
        let (latents, width) = (config.latents, config.width)
        var wanted = [tensorNames.encoder: [width, latents], tensorNames.decoder: [latents, width], "b_dec": [width]]
        if activation == .gated {
            for bias in ["b_gate", "r_mag", "b_mag"] { wanted[bias] = [latents] }
        } else {
            wanted["b_enc"] = [latents]
        }
        if activation == .jumprelu { wanted[storesLogThreshold ? "log_threshold" : "threshold"] = [latents] }
        if skip { wanted["W_skip"] = [width, width] }
        if config.architecture == .batchtopk, tensors.tensors.info("topk_threshold") != nil {
            throw .unsupported(
                adapter: name, feature: "a batchtopk training checkpoint (tensor 'topk_threshold')",
                advice: "save it for inference (save_inference_model), which makes a jumprelu of it")
        }
        for (tensor, shape) in wanted.sorted(by: { $0.key < $1.key }) { try tensors.require(tensor, shape: shape) }
        // Written by versions that could fine-tune it; checked for ones when the tensors are read.
        if tensors.tensors.info(Self.scalingFactor) != nil { wanted[Self.scalingFactor] = [latents] }
        for tensor in tensors.tensors.tensorNames where wanted[tensor] == nil {
            throw .badFile(
                adapter: name, file: tensors.file,
                problem: "tensor '\(tensor)' has no place in the architecture '\(config.architecture.rawValue)'")
        }
        guard width == hiddenSize else {
            throw .shapeMismatch(adapter: name, tensor: tensorNames.encoder, got: [width, latents], wanted: [hiddenSize, latents])
        }
    }

    private static let scalingFactor = "scaling_factor"

    /// Reads and packs every tensor.
    package func load(digest: String, format: FloatFormat, pool: WorkerPool) throws(AdapterError) -> SparseAutoencoder {
        let (latents, width) = (config.latents, config.width)
        try refuseScaling()
        let folding = try folding()
        let decoder = try tensors.rowTable(tensorNames.decoder, rows: latents, width: width, format: format, factors: folding.decoder)
        let decoderBias = try tensors.vector("b_dec", count: width)
        for column in 0..<width { decoderBias.pointer[column] /= config.inputFactor }
        var skipMatrix: PackedMatrix?
        if skip { skipMatrix = try tensors.packed("W_skip", outputs: width, inputs: width, format: format, pool: pool) }
        let threshold = try threshold()
        // A threshold's rule adds the bias itself.
        let encoderBias: AlignedBuffer<Float>
        if threshold == nil {
            encoderBias = try tensors.vector("b_enc", count: latents)
        } else {
            encoderBias = AlignedBuffer(count: 0)
        }
        if let norms = folding.norms {
            let bias = encoderBias.pointer
            for latent in 0..<encoderBias.count { bias[latent] *= norms[latent] }
        }
        let encoder: EncoderMatrix =
            if activation == .topk, format == .bf16 {
                .shortlisted(
                    try tensors.latentEncoder(
                        transposing: tensorNames.encoder, latents: latents, width: width, format: format, bias: encoderBias,
                        factors: folding.encoder,
                        pool: pool))
            } else {
                .dense(
                    try tensors.packed(
                        transposing: tensorNames.encoder, outputs: latents, inputs: width, format: format, factors: folding.encoder,
                        pool: pool))
            }
        return SparseAutoencoder(
            name: name, digest: digest, hookpoint: hookpoint, activation: activation, k: config.k ?? latents, transcode: transcode,
            encoder: encoder, encoderBias: encoderBias, threshold: threshold, normalisation: config.normalisation,
            isCentred: config.isCentred, decoder: decoder, decoderBias: decoderBias, skipMatrix: skipMatrix)
    }

    /// What the rows `[M]` of W_enc (transposed) and of W_dec are multiplied by; nil for 1.
    private struct Folding {
        var encoder: [Float]?
        var decoder: [Float]?
        var norms: [Float]?
    }

    private func folding() throws(AdapterError) -> Folding {
        let scale = config.inputFactor
        guard config.rescalesByDecoderNorm else {
            guard scale != 1 else { return Folding() }
            return Folding(
                encoder: Array(repeating: scale, count: latents), decoder: Array(repeating: 1 / scale, count: latents), norms: nil)
        }
        // The norms are those of the decoder in the units of the activations. SAELens keeps them away from 0 in the same way.
        let norms = try tensors.rowNorms(tensorNames.decoder, rows: latents, width: width).map { max($0 / scale, 1e-8) }
        return Folding(encoder: norms.map { $0 * scale }, decoder: norms.map { 1 / ($0 * scale) }, norms: norms)
    }

    private func threshold() throws(AdapterError) -> LatentThreshold? {
        switch activation {
        case .topk, .groupmax: return nil
        case .relu: return LatentThreshold(bias: try tensors.vector("b_enc", count: latents))
        case .jumprelu:
            let threshold = try tensors.vector(storesLogThreshold ? "log_threshold" : "threshold", count: latents)
            if storesLogThreshold {
                for latent in 0..<latents { threshold.pointer[latent] = exp(threshold.pointer[latent]) }
            }
            return LatentThreshold(bias: try tensors.vector("b_enc", count: latents), threshold: threshold)
        case .gated:
            return LatentThreshold(
                gateBias: try tensors.vector("b_gate", count: latents), magnitude: try tensors.vector("r_mag", count: latents),
                magnitudeBias: try tensors.vector("b_mag", count: latents))
        }
    }

    private func refuseScaling() throws(AdapterError) {
        guard tensors.tensors.info(Self.scalingFactor) != nil else { return }
        let factors = try tensors.vector(Self.scalingFactor, count: latents)
        for latent in 0..<latents where abs(factors.pointer[latent] - 1) > 1e-5 {
            throw .unsupported(
                adapter: name, feature: "a fine-tuned '\(Self.scalingFactor)' (\(factors.pointer[latent]) for latent \(latent))",
                advice: "fold it into W_dec")
        }
    }
}
