import Adapters
import Models
import Tensors

/// Activations of a model as it is served: in any format of weights, several chunks a pass.
final class ServedActivations: ActivationReader {
    private let model: any LanguageModel
    private let pool: WorkerPool
    private let hookpoints: [HookPoint]
    private let length: Int
    private let chunksPerPass: Int
    private let cache: KVCache
    private let tables: AlignedBuffer<Int32>
    private let blocksEach: Int
    private let plan = BatchPlan()
    private let workspace = Workspace()

    private static let rowsPerPass = 2048

    /// Bytes of keys and values, and roughly of what a pass needs beside them.
    static func byteCount(config: ModelConfig, kv: KVFormat, length: Int, batch: Int) -> Int {
        let passes = min(max(rowsPerPass / length, 1), batch)
        let rows = passes * length
        let widest = 3 * config.hiddenSize + 3 * config.ffnSize + 2 * (config.heads + 2 * config.kvHeads) * config.headDim
        return rows * config.kvBytesPerToken(kv) + 2 * 4 * rows * widest
    }

    init(model: any LanguageModel, kv: KVFormat, hookpoints: [HookPoint], length: Int, batch: Int, pool: WorkerPool) {
        (self.model, self.pool, self.hookpoints, self.length) = (model, pool, hookpoints, length)
        chunksPerPass = min(max(Self.rowsPerPass / length, 1), batch)
        blocksEach = (length + KVLayout.blockTokens - 1) / KVLayout.blockTokens
        cache = KVCache(layout: model.config.kvLayout(kv), layers: model.config.layers, blockCount: blocksEach * chunksPerPass)
        tables = AlignedBuffer(count: blocksEach * chunksPerPass)
        for index in 0..<tables.count { tables.pointer[index] = Int32(index) }
    }

    func read(
        _ chunks: [[Int32]], into targets: [UnsafeMutablePointer<Float>], wanted: (_ position: Int, _ token: Int32) -> Bool
    ) -> Int {
        var written = 0
        for start in stride(from: 0, to: chunks.count, by: chunksPerPass) {
            written += pass(chunks[start..<min(start + chunksPerPass, chunks.count)], targets, written, wanted)
        }
        return written
    }

    private func pass(
        _ chunks: ArraySlice<[Int32]>, _ targets: [UnsafeMutablePointer<Float>], _ written: Int,
        _ wanted: (_ position: Int, _ token: Int32) -> Bool
    ) -> Int {
        plan.removeAll()
        plan.layerLimit = (hookpoints.map(\.layer).max() ?? 0) + 1
        var count = 0
        var run = 0..<0
        for (index, chunk) in chunks.enumerated() {
            for (position, token) in chunk.enumerated() {
                let row = plan.append(
                    token: token, position: position, promptLength: length, blockTable: UnsafePointer(tables.pointer + index * blocksEach),
                    adapters: .none, wantsOutput: false)
                guard wanted(position, token) else { continue }
                if row != run.upperBound {
                    order(run, targets, at: written + count)
                    count += run.count
                    run = row..<row
                }
                run = run.lowerBound..<row + 1
            }
        }
        order(run, targets, at: written + count)
        count += run.count
        plan.observations.begin(rows: plan.rowCount)
        let mark = workspace.mark()
        _ = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
        workspace.release(mark)
        return count
    }

    private func order(_ rows: Range<Int>, _ targets: [UnsafeMutablePointer<Float>], at offset: Int) {
        guard !rows.isEmpty else { return }
        for (hookpoint, target) in zip(hookpoints, targets) {
            plan.copyActivations(of: rows, at: hookpoint, to: target + offset * model.config.hiddenSize)
        }
    }
}
