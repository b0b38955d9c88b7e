import Foundation
import Tensors
import TestRandomness
import Testing

/// A cache with scattered blocks, filled with NaN (as f32 and bf16; -1 as int8, with NaN scales) where no token is stored.
final class AttentionCache {
    let layout: KVLayout
    let keys, values: AlignedBuffer<UInt8>
    let tables: [UnsafeMutableBufferPointer<Int32>]
    private let workspace = Workspace()

    /// `lengths` of the sequences that the cache has room for.
    init(_ layout: KVLayout, lengths: [Int], using random: inout SeededRandom) {
        self.layout = layout
        let needs = lengths.map { ($0 + KVLayout.blockTokens - 1) / KVLayout.blockTokens }
        var blocks = Array(0..<Int32(needs.reduce(0, +))).shuffled(using: &random)
        keys = AlignedBuffer(count: blocks.count * layout.bytesPerBlock)
        values = AlignedBuffer(count: blocks.count * layout.bytesPerBlock)
        keys.buffer.update(repeating: 0xff)
        values.buffer.update(repeating: 0xff)
        tables = needs.map { need in
            let table = UnsafeMutableBufferPointer<Int32>.allocate(capacity: need)
            for i in 0..<need { table[i] = blocks.removeLast() }
            return table
        }
    }

    deinit { tables.forEach { $0.deallocate() } }

    func rows(_ sequence: Int, _ positions: Range<Int>) -> [AttentionRow] {
        positions.map { AttentionRow(position: Int32($0), blockTable: UnsafePointer(tables[sequence].baseAddress!)) }
    }

    func store(_ k: MatrixView, _ v: MatrixView, _ rows: [AttentionRow], _ pool: WorkerPool) {
        Attention.store(k: k, v: v, rows: rows, keys: keys.pointer, values: values.pointer, layout: layout, pool: pool)
    }

    func attend(_ q: MatrixView, _ rows: [AttentionRow], heads: Int, under rule: ScoreRule = .plain, _ pool: WorkerPool) -> [Float] {
        let out = Matrix(q.rows, q.columns)
        Attention.attend(
            q: q, rows: rows, keys: keys.pointer, values: values.pointer, heads: heads,
            scale: 1 / Float(layout.headDim).squareRoot(), cap: rule.cap, window: rule.window, layout: layout,
            into: out.view, pool: pool, workspace: workspace)
        #expect(out.guardsHold)
        return out.elements
    }
}

/// What becomes of scores before the softmax.
struct ScoreRule: CustomTestStringConvertible {
    var cap: Float?
    var window: Int?

    static let plain = ScoreRule()

    var testDescription: String { "cap \(cap.map { "\($0)" } ?? "none"), window \(window.map { "\($0)" } ?? "none")" }
}

struct AttentionShape: CustomStringConvertible {
    let heads, kvHeads, headDim: Int

    var description: String { "\(heads) heads over \(kvHeads) of \(headDim)" }

    var queryWidth: Int { heads * headDim }
    var keyWidth: Int { kvHeads * headDim }

    func layout(_ format: KVFormat) -> KVLayout { KVLayout(kvHeads: kvHeads, headDim: headDim, format: format) }

    /// Attention of one row in double, a softmax over the whole row; `key` and `value` give a position's row of all heads.
    func oracle(
        _ q: UnsafeMutablePointer<Float>, position: Int, rule: ScoreRule = .plain, key: (Int) -> UnsafeMutablePointer<Float>,
        value: (Int) -> UnsafeMutablePointer<Float>
    ) -> [Double] {
        let perKey = heads / kvHeads
        return (0..<heads).flatMap { head -> [Double] in
            let (query, base) = (q + head * headDim, head / perKey * headDim)
            var scores = [Double](repeating: 0, count: position + 1)
            for p in 0...position {
                let key = key(p) + base
                for d in 0..<headDim { scores[p] += Double(query[d]) * Double(key[d]) }
                scores[p] /= Double(headDim).squareRoot()
                if let cap = rule.cap.map(Double.init) { scores[p] = cap * tanh(scores[p] / cap) }
                if let window = rule.window, position - p >= window { scores[p] = -.infinity }
            }
            let largest = scores.max()!
            var (total, sums) = (0.0, [Double](repeating: 0, count: headDim))
            for p in 0...position {
                let weight = exp(scores[p] - largest)
                let value = value(p) + base
                total += weight
                for d in 0..<headDim { sums[d] += weight * Double(value[d]) }
            }
            return sums.map { $0 / total }
        }
    }
}

extension Matrix {
    /// Rounded to what bf16 holds, so that storing as bf16 adds no error of its own.
    func roundedToBF16() -> Matrix {
        for row in 0..<view.rows {
            for column in 0..<view.columns { view[row, column] = Float(bitPattern: view[row, column].bitPattern & 0xffff_0000) }
        }
        return self
    }
}

/// Root of the mean square of the differences over that of what was wanted.
func relativeError(_ got: [Float], _ wanted: [Double]) -> Double {
    let (difference, size) = zip(got, wanted).reduce((0.0, 0.0)) { sum, pair in
        (sum.0 + (Double(pair.0) - pair.1) * (Double(pair.0) - pair.1), sum.1 + pair.1 * pair.1)
    }
    return (difference / size).squareRoot()
}
