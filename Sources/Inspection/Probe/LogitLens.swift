import Adapters
import Models
import Tensors

/// Which tokens a latent's decoder row speaks for: the row goes through the model's final norm and output head as if it were the residual
/// stream. Owned by one thread.
package final class LogitLens {
    private let reader: TextReader
    /// Latents whose logits are held at once.
    private static let portion = 32

    package init(model: any LanguageModel, kv: KVFormat, pool: WorkerPool) {
        reader = TextReader(model, kv: kv, positions: 1, pool: pool)
    }

    /// The `count` strongest tokens of each latent, strongest first.
    /// - Parameter progress: hears the fraction done.
    package func tokens(_ latents: [Int32], of sae: SparseAutoencoder, count: Int, progress: (Double) -> Void = { _ in }) -> [[Int32]] {
        let workspace = reader.workspace
        var found: [[Int32]] = []
        for start in stride(from: 0, to: latents.count, by: Self.portion) {
            let part = Array(latents[start..<min(start + Self.portion, latents.count)])
            let mark = workspace.mark()
            let rows = workspace.matrix(part.count, sae.width)
            for (row, latent) in part.enumerated() { sae.copyDecoderRow(Int(latent), into: rows.row(row)) }
            let logits = reader.logits(ofResiduals: rows)
            let kept = min(count, logits.columns)
            let (indices, values) = (workspace.allocate(Int32.self, kept), workspace.allocate(Float.self, kept))
            for row in 0..<part.count {
                let number = RowOperations.topK(
                    logits.row(row), count: logits.columns, k: kept, into: indices, values: values, on: reader.pool.instructionSet)
                found.append(Array(UnsafeBufferPointer(start: indices, count: number)))
            }
            workspace.release(mark)
            progress(Double(start + part.count) / Double(latents.count))
        }
        return found
    }
}
