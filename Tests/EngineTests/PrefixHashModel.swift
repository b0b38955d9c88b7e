import Adapters
import Tensors

@testable import Architectures
@testable import Models

/// A stand-in model whose logits are a hash of exactly the tokens a row may see, read back through its block table.
///
/// Any mistake in block tables, positions, chunks or sharing changes the hash, and with it the text.
final class PrefixHashModel: LanguageModel {
    let config: ModelConfig
    let format = WeightFormat.f32
    let bytesPerStep = 0
    let byteCount = 0

    init(vocabSize: Int, eosTokens: [Int32] = []) {
        config = ModelConfig(
            family: .llama, hiddenSize: 2, layers: 1, heads: 1, kvHeads: 1, headDim: 2, ffnSize: 2, vocabSize: vocabSize,
            contextLength: 4096, ropeTheta: 1e4, ropeScaling: nil, rmsEpsilon: 1e-6, qkvBias: false,
            outputBias: false, mlpBias: false, tiedEmbeddings: true, bosToken: nil, eosTokens: eosTokens)
    }

    func forward(_ plan: BatchPlan, cache: KVCache, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        for row in 0..<plan.rowCount {
            slot(plan.attention[row], position: Int(plan.positions[row]), cache: cache).pointee = plan.tokens[row]
        }
        let hidden = workspace.matrix(plan.outputRows.count, 2)
        for (index, row) in plan.outputRows.enumerated() {
            var hash: UInt32 = 2_166_136_261
            for position in 0...Int(plan.positions[row]) {
                hash = (hash ^ UInt32(bitPattern: slot(plan.attention[row], position: position, cache: cache).pointee)) &* 16_777_619
            }
            hidden.row(index)[0] = Float(hash >> 16)
            hidden.row(index)[1] = Float(hash & 0xFFFF)
        }
        return hidden
    }

    func logits(_ hidden: MatrixView, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        let result = workspace.matrix(hidden.rows, config.vocabSize)
        for row in 0..<hidden.rows {
            var state = UInt32(hidden.row(row)[0]) << 16 | UInt32(hidden.row(row)[1])
            for token in 0..<config.vocabSize {
                state = state &* 1_664_525 &+ 1_013_904_223
                result.row(row)[token] = Float(state >> 20) / 512
            }
        }
        return result
    }

    private func slot(_ row: AttentionRow, position: Int, cache: KVCache) -> UnsafeMutablePointer<Int32> {
        let block = Int(row.blockTable[position / KVLayout.blockTokens])
        return cache.keys(0).advanced(by: block * cache.layout.bytesPerBlock)
            .assumingMemoryBound(to: Int32.self).advanced(by: position % KVLayout.blockTokens)
    }
}
