import Adapters
import Models
import Tensors

/// Which tokens a latent's decoder row speaks for: the row goes through the model's final norm and output head as if it were the residual
/// stream. Owned by one thread.
package final class LogitLens {
    private let model: any LanguageModel
    private let pool: WorkerPool
    private let cache: KVCache
    private let table = AlignedBuffer<Int32>(count: 1)
    private let plan = BatchPlan()
    private let workspace = Workspace()
    /// Latents whose logits are held at once.
    private static let portion = 32

    package init(model: any LanguageModel, kv: KVFormat, pool: WorkerPool) {
        (self.model, self.pool) = (model, pool)
        cache = KVCache(layout: model.config.kvLayout(kv), layers: model.config.layers, blockCount: 1)
    }

    /// The `count` strongest tokens of each latent, strongest first.
    /// - Parameter progress: hears the fraction done.
    package func tokens(_ latents: [Int32], of sae: SparseAutoencoder, count: Int, progress: (Double) -> Void = { _ in }) -> [[Int32]] {
        var found: [[Int32]] = []
        for start in stride(from: 0, to: latents.count, by: Self.portion) {
            let part = Array(latents[start..<min(start + Self.portion, latents.count)])
            let mark = workspace.mark()
            let logits = logits(part, of: sae)
            let kept = min(count, logits.columns)
            let (indices, values) = (workspace.allocate(Int32.self, kept), workspace.allocate(Float.self, kept))
            for row in 0..<part.count {
                let number = RowOperations.topK(
                    logits.row(row), count: logits.columns, k: kept, into: indices, values: values, on: pool.instructionSet)
                found.append(Array(UnsafeBufferPointer(start: indices, count: number)))
            }
            workspace.release(mark)
            progress(Double(start + part.count) / Double(latents.count))
        }
        return found
    }

    /// `[latents, vocabulary]`, in the workspace.
    private func logits(_ latents: [Int32], of sae: SparseAutoencoder) -> MatrixView {
        let rows = workspace.matrix(latents.count, sae.width)
        plan.removeAll()
        for (row, latent) in latents.enumerated() {
            sae.copyDecoderRow(Int(latent), into: rows.row(row))
            // Entering above the last block leaves the final norm alone to be done.
            plan.append(
                token: 0, position: 0, promptLength: 1, blockTable: UnsafePointer(table.pointer), adapters: .none, wantsOutput: true,
                enteringAt: model.config.layers, with: UnsafePointer(rows.row(row)))
        }
        plan.observations.begin(rows: plan.rowCount)
        let hidden = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
        return model.logits(hidden, pool: pool, workspace: workspace)
    }
}
