import Adapters
import Architectures
import Checkpoints
import Foundation
import Tensors

/// A model's configuration and weights, opened but not yet packed.
package struct ModelWeights: Sendable {
    /// The folder's name, or the GGUF file's without its extension.
    package let name: String
    package let path: String
    package let config: ModelConfig
    package let checkpoint: Checkpoint
    let reader: WeightReader

    /// Opens a Hugging Face folder or a `.gguf` file and checks that every expected tensor is there with the right shape.
    ///
    /// - Throws: `CheckpointError` for unreadable or mismatched files.
    package init(path: String) throws {
        checkpoint = try Checkpoint.open(path: path)
        config = try ModelConfig.read(checkpoint)
        reader = try WeightReader(checkpoint: checkpoint, config: config)
        let file = URL(fileURLWithPath: path).standardizedFileURL
        name = file.pathExtension == "gguf" ? file.deletingPathExtension().lastPathComponent : file.lastPathComponent
        self.path = file.path
    }

    /// Reads and packs the weights, or takes them packed from the cache.
    ///
    /// - Parameters:
    ///   - context: the positions that will be served, by which some models choose their rotary frequencies; nil for all they were trained for.
    ///   - cache: where packed weights are kept between starts; nil to keep nothing.
    ///   - progress: hears the fraction done, on the calling thread.
    package func load(
        format: WeightFormat, context: Int? = nil, cache: PackedCache? = nil, pool: WorkerPool, progress: (Double) -> Void = { _ in }
    ) throws -> any LanguageModel {
        try Decoder.load(config: config, weights: reader, format: format, context: context, cache: cache, pool: pool, progress: progress)
    }

    /// Whether the files hold the layers' matrices in bf16.
    package var storedAsBF16: Bool {
        get throws(CheckpointError) { try reader.storedType(WeightPlace(.down, layer: 0)) == .bf16 }
    }

    /// For adapters that depend on the weights as they are stored.
    package var projections: any BaseProjections { reader }

    /// How the weights would be packed, from headers alone.
    package func plan(_ format: WeightFormat) throws(CheckpointError) -> WeightPlan {
        try WeightPlan(config: config, weights: reader, format: format)
    }
}

extension ModelWeights {
    /// The Frobenius norm of a projection's stored weights, which are read once.
    /// - Throws: `CheckpointError` when they cannot be read.
    package func norm(layer: Int, module: ProjectionModule, pool: WorkerPool) throws(CheckpointError) -> Double {
        let place = WeightPlace(.projection(module), layer: layer)
        let (rows, columns) = (config.shape.outputs(module), config.shape.inputs(module))
        let step = max(1, (1 << 18) / columns)
        let buffer = AlignedBuffer<Float>(count: step * columns)
        var sum = 0.0
        for start in stride(from: 0, to: rows, by: step) {
            let range = start..<min(start + step, rows)
            try reader.read(place, rows: range, into: buffer.pointer)
            for row in 0..<range.count {
                sum += Double(RowOperations.sumOfSquares(buffer.pointer + row * columns, count: columns, on: pool.instructionSet))
            }
        }
        return sum.squareRoot()
    }
}
