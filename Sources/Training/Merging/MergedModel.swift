import Tensors

/// A model with a LoRA folded into it, in the layout that it has.
package enum MergedModel {
    /// Writes the model again with the weights `W + strength * B A`.
    /// - Parameter path: a folder, or for a GGUF a file.
    /// - Returns: how many matrices changed.
    /// - Throws: `TrainingError`, `CheckpointError`, `AdapterError`.
    package static func write(
        _ model: String, with adapter: String, strength: Float, to path: String, pool: WorkerPool, progress: (Double) -> Void
    ) throws -> Int {
        if model.hasSuffix(".gguf") {
            return try MergedGGUF(model: model, adapter: adapter, strength: strength, pool: pool).write(to: path, progress: progress)
        }
        let merged = try MergedCheckpoint(model: model, adapter: adapter, strength: strength, pool: pool)
        return try merged.write(to: try OutputFolder(path), progress: progress)
    }
}
