import Checkpoints
import Foundation
import Tensors

/// A sparsify hookpoint folder (`cfg.json`, `sae.safetensors`), read and checked but not loaded.
package struct SparsifyLayout: SAELayout {
    package static let configFile = SparsifyConfig.file
    package static let tensorFile = "sae.safetensors"

    package let name: String
    package let hookpoint: HookPoint
    private let config: SparsifyConfig
    private let tensors: AdapterTensorReader

    package var files: [String] { [Self.configFile, Self.tensorFile] }
    package var latents: Int { config.latents }
    package var k: Int? { config.k }
    package var width: Int { config.width }
    package var activation: SparseAutoencoder.Activation { config.activation }
    package var transcode: Bool { config.transcode }
    package var skip: Bool { config.skip }

    /// Reads the config and the tensor file's header, and checks one against the other and both against `shape` (nil: unknown).
    /// - Parameter shownAs: the folder's path inside the adapter, for error messages; empty when it is the adapter's own folder.
    package init(folder: URL, name: String, hookpoint: HookPoint, shownAs: String = "", shape: ModelShape?) throws(AdapterError) {
        let prefix = shownAs.isEmpty ? "" : shownAs + "/"
        self.name = name
        self.hookpoint = hookpoint
        config = try SparsifyConfig(folder: folder, adapter: name, shownAs: prefix + Self.configFile)
        tensors = try AdapterTensorReader(opening: Self.tensorFile, in: folder, shownIn: shownAs, adapter: name)
        try shape?.requireLayer(hookpoint.layer, adapter: name)
        if config.transcode, hookpoint.site == .residual {
            throw .unsupported(
                adapter: name, feature: "a transcoder of a whole block (\(hookpoint))",
                advice: "transcoders are read at MLP hookpoints such as layers.\(hookpoint.layer).mlp")
        }
        try checkTensors(hiddenSize: shape?.hiddenSize ?? config.width)
    }

    private func checkTensors(hiddenSize: Int) throws(AdapterError) {
        let (latents, width) = (config.latents, config.width)
        var wanted = [
            "encoder.weight": [latents, width], "encoder.bias": [latents], "W_dec": [latents, width], "b_dec": [width],
        ]
        if config.skip { wanted["W_skip"] = [width, width] }
        for (tensor, shape) in wanted.sorted(by: { $0.key < $1.key }) { try tensors.require(tensor, shape: shape) }
        for tensor in tensors.tensors.tensorNames where wanted[tensor] == nil {
            throw .badFile(
                adapter: name, file: tensors.file,
                problem: "tensor '\(tensor)' has no place in the config (skip_connection is \(config.skip))")
        }
        guard width == hiddenSize else {
            throw .shapeMismatch(
                adapter: name, tensor: "encoder.weight", got: [latents, width], wanted: [latents, hiddenSize])
        }
    }

    /// Reads and packs every tensor.
    package func load(digest: String, format: FloatFormat, pool: WorkerPool) throws(AdapterError) -> SparseAutoencoder {
        let (latents, width) = (config.latents, config.width)
        let encoderBias = try tensors.vector("encoder.bias", count: latents)
        let encoder: EncoderMatrix
        // In f32 every pre-activation comes from OpenBLAS, as it always has: nobody who asks for f32 asks for speed.
        if config.activation == .topk, format == .bf16 {
            encoder = .shortlisted(
                try tensors.latentEncoder(
                    "encoder.weight", latents: latents, width: width, format: format, bias: encoderBias, pool: pool))
        } else {
            encoder = .dense(try tensors.packed("encoder.weight", outputs: latents, inputs: width, format: format, pool: pool))
        }
        let decoder = try tensors.rowTable("W_dec", rows: latents, width: width, format: format)
        var skipMatrix: PackedMatrix?
        if config.skip { skipMatrix = try tensors.packed("W_skip", outputs: width, inputs: width, format: format, pool: pool) }
        return SparseAutoencoder(
            name: name, digest: digest, hookpoint: hookpoint, activation: config.activation, k: config.k,
            transcode: config.transcode, encoder: encoder, encoderBias: encoderBias, isCentred: !config.transcode, decoder: decoder,
            decoderBias: try tensors.vector("b_dec", count: width), skipMatrix: skipMatrix)
    }
}

extension SparseAutoencoder {
    /// Reads a sparsify hookpoint folder and packs its matrices in `format`.
    /// - Throws: `AdapterError` when a file is missing or malformed, or a tensor does not fit the config or `shape`.
    package static func load(
        folder: URL, name: String, digest: String, hookpoint: HookPoint, shape: ModelShape, format: FloatFormat, pool: WorkerPool
    ) throws(AdapterError) -> SparseAutoencoder {
        try SparsifyLayout(folder: folder, name: name, hookpoint: hookpoint, shape: shape)
            .load(digest: digest, format: format, pool: pool)
    }
}
