import Adapters
import Checkpoints
import Foundation
import JSONText
import Tensors

/// How a trained SAE is stored.
package enum ExtractFormat: String, Sendable, CaseIterable {
    case f32, bf16
}

extension SparseCoderTensors {
    /// The tensors as sparsify names them, in the order in which they are written.
    private var parts: [(name: String, shape: [Int], values: UnsafeMutablePointer<Float>)] {
        [
            ("encoder.weight", [latents, width], encoder.pointer), ("encoder.bias", [latents], encoderBias.pointer),
            ("W_dec", [latents, width], decoder.pointer), ("b_dec", [width], decoderBias.pointer),
        ]
    }

    /// As tensors of a run's state, whose names begin with `prefix`.
    func state(_ prefix: String) -> [StateTensor] {
        parts.map { StateTensor(name: prefix + $0.name, shape: $0.shape, values: .f32($0.values)) }
    }

    /// Tells SAEs to start from apart.
    var digest: String {
        ContentDigest(bytes: UnsafeRawBufferPointer(start: encoder.pointer, count: encoder.count * 4)).description
    }

    func entries(as format: ExtractFormat) -> [TensorFileWriter.Entry] {
        parts.map { TensorFileWriter.Entry(name: $0.name, type: format == .f32 ? .f32 : .bf16, shape: $0.shape) }
    }

    func write(to writer: TensorFileWriter, as format: ExtractFormat) throws(TrainingError) {
        for part in parts {
            let count = part.shape.reduce(1, *)
            switch format {
            case .f32: try writer.write(part.values, count: count)
            case .bf16: try writer.writeBF16(part.values, count: count)
            }
        }
    }

    /// Reads the four tensors from a file that has them in these shapes.
    /// - Throws: `TrainingError.wrongCheckpoint`, or `CheckpointError` for a damaged file.
    convenience init(reading file: some TensorSource, prefix: String = "", latents: Int, width: Int) throws {
        self.init(latents: latents, width: width)
        for part in parts {
            guard let info = file.info(prefix + part.name), info.shape == part.shape else {
                throw TrainingError.wrongCheckpoint(
                    file: file.path, what: "tensor \(prefix + part.name)",
                    got: file.info(prefix + part.name).map { "\($0.shape)" } ?? "missing",
                    wanted: "\(part.shape)")
            }
            try file.expand(prefix + part.name, rows: 0..<part.shape[0], into: part.values)
            guard RowOperations.sumOfSquares(part.values, count: part.shape.reduce(1, *), on: .scalar).isFinite else {
                throw TrainingError.wrongCheckpoint(
                    file: file.path, what: "tensor \(prefix + part.name)", got: "with infinite numbers or NaN", wanted: "finite numbers")
            }
        }
    }

    /// The SAE that a sparsify folder holds: `folder` itself or its folder `hookpoint`. Only TopK autoencoders can be trained on.
    /// - Throws: `AdapterError` for files that are malformed or do not fit the model, `TrainingError.badSetting` for other kinds of SAE.
    package static func start(
        from folder: String, hookpoint: HookPoint, shape: ModelShape
    ) throws -> (tensors: SparseCoderTensors, k: Int) {
        var url = URL(fileURLWithPath: folder, isDirectory: true)
        let own = url.appendingPathComponent("\(hookpoint)")
        if FileManager.default.fileExists(atPath: own.path) { url = own }
        let layout = try SparsifyLayout(folder: url, name: url.lastPathComponent, hookpoint: hookpoint, shape: shape)
        guard layout.activation == .topk, !layout.transcode, !layout.skip, let k = layout.k else {
            throw TrainingError.badSetting(name: "--init \(url.path)", problem: "is not a TopK autoencoder, the only kind that is trained")
        }
        let file = try SafetensorsFile(path: url.appendingPathComponent(SparsifyLayout.tensorFile).path)
        return (try SparseCoderTensors(reading: file, latents: layout.latents, width: layout.width), k)
    }
}
