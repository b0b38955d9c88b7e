import Foundation
import Tensors
import Testing

@Suite struct AttentionTests {
    /// A cache with scattered blocks, filled with NaN where no token is stored.
    private final class Cache {
        let layout: KVLayout
        let keys, values: AlignedBuffer<UInt8>
        let tables: [UnsafeMutableBufferPointer<Int32>]

        /// `lengths` of the sequences that the cache has room for.
        init(_ layout: KVLayout, lengths: [Int], using random: inout Randomness) {
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

        func attend(_ q: MatrixView, _ rows: [AttentionRow], heads: Int, _ pool: WorkerPool) -> [Float] {
            let out = Matrix(q.rows, q.columns)
            Attention.attend(
                q: q, rows: rows, keys: keys.pointer, values: values.pointer, heads: heads,
                scale: 1 / Float(layout.headDim).squareRoot(), layout: layout, into: out.view, pool: pool)
            #expect(out.guardsHold)
            return out.elements
        }
    }

    private struct Shape {
        let heads, kvHeads, headDim: Int
    }

    private static let shapes = [
        Shape(heads: 9, kvHeads: 3, headDim: 64), Shape(heads: 12, kvHeads: 2, headDim: 128), Shape(heads: 4, kvHeads: 4, headDim: 16),
        Shape(heads: 2, kvHeads: 1, headDim: 8), Shape(heads: 7, kvHeads: 1, headDim: 80), Shape(heads: 10, kvHeads: 2, headDim: 24),
        Shape(heads: 20, kvHeads: 2, headDim: 36), Shape(heads: 16, kvHeads: 2, headDim: 96),
    ]

    private static let cases = InstructionSet.available.flatMap { tier in WeightFormat.allCases.map { (tier, $0) } }

    /// Against a softmax in double over the whole row.
    @Test(arguments: cases) func values(_ tier: InstructionSet, _ format: WeightFormat) {
        var random = Randomness()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        for shape in Self.shapes {
            let length = Int.random(in: 1...100, using: &random)
            let layout = KVLayout(kvHeads: shape.kvHeads, headDim: shape.headDim, format: format)
            let cache = Cache(layout, lengths: [length], using: &random)
            let (k, v) = (
                exact(random.matrix(length, shape.kvHeads * shape.headDim)), exact(random.matrix(length, shape.kvHeads * shape.headDim))
            )
            let q = random.matrix(length, shape.heads * shape.headDim, -4...4)
            let rows = cache.rows(0, 0..<length)
            cache.store(k.view, v.view, rows, pool)
            let got = cache.attend(q.view, rows, heads: shape.heads, pool)
            let width = shape.heads * shape.headDim
            for row in Set([0, length / 2, length - 1]) {
                let wanted = oracle(q.view.row(row), k.view, v.view, position: row, shape)
                let worst = zip(got[row * width..<(row + 1) * width], wanted).map { abs(Double($0) - $1) }.max()!
                // Scores up to about 10 carry errors of some 2^-22; weights and sums a few roundings more; values are below 1.
                #expect(worst < 1e-5, "\(shape), position \(row)")
            }
        }
    }

    /// Bit for bit: one token at a time, or the prompt cut anywhere, next to other sequences, on any number of threads.
    @Test(arguments: cases) func prefillEqualsDecode(_ tier: InstructionSet, _ format: WeightFormat) {
        var random = Randomness()
        let pools = [1, 2, 4].map { WorkerPool(threads: $0, instructionSet: tier) }
        for shape in Self.shapes {
            let lengths = [70, 33, 5]
            let layout = KVLayout(kvHeads: shape.kvHeads, headDim: shape.headDim, format: format)
            let width = shape.kvHeads * shape.headDim
            let inputs = lengths.map {
                (random.matrix($0, shape.heads * shape.headDim), random.matrix($0, width), random.matrix($0, width))
            }

            let single = Cache(layout, lengths: lengths, using: &random)
            let alone = lengths.indices.map { sequence in
                let (q, k, v) = inputs[sequence]
                return (0..<lengths[sequence]).map { t in
                    let rows = single.rows(sequence, t..<t + 1)
                    single.store(k.view.rows(t..<t + 1), v.view.rows(t..<t + 1), rows, pools[0])
                    return single.attend(q.view.rows(t..<t + 1), rows, heads: shape.heads, pools[0])
                }
            }

            // Steps with a random chunk of every sequence that has tokens left, in one batch.
            let batched = Cache(layout, lengths: lengths, using: &random)
            var done = [0, 0, 0]
            while done != lengths {
                let chunks = done.indices.map { done[$0]..<min(lengths[$0], done[$0] + Int.random(in: 0...40, using: &random)) }
                let count = chunks.reduce(0) { $0 + $1.count }
                let (q, k, v) = (Matrix(count, shape.heads * shape.headDim), Matrix(count, width), Matrix(count, width))
                var rows: [AttentionRow] = []
                for (sequence, chunk) in chunks.enumerated() {
                    let at = rows.count..<rows.count + chunk.count
                    q.view.rows(at).copy(from: inputs[sequence].0.view.rows(chunk))
                    k.view.rows(at).copy(from: inputs[sequence].1.view.rows(chunk))
                    v.view.rows(at).copy(from: inputs[sequence].2.view.rows(chunk))
                    rows += batched.rows(sequence, chunk)
                }
                let pool = pools.randomElement(using: &random)!
                batched.store(k.view, v.view, rows, pool)
                let got = batched.attend(q.view, rows, heads: shape.heads, pool)
                let wanted = chunks.indices.flatMap { sequence in alone[sequence][chunks[sequence]].flatMap { $0 } }
                expectSameBits(got, wanted, "\(shape), chunks \(chunks), \(pool.threads) threads")
                done = chunks.map(\.upperBound)
            }
        }
    }

    /// Extreme scores: one key takes everything, and the weights of the others vanish without NaN.
    @Test(arguments: InstructionSet.available) func extremeScores(_ tier: InstructionSet) {
        var random = Randomness()
        let pool = WorkerPool(threads: 1, instructionSet: tier)
        let layout = KVLayout(kvHeads: 1, headDim: 16, format: .f32)
        let cache = Cache(layout, lengths: [64], using: &random)
        let (k, v, q) = (Matrix(64, 16), random.matrix(64, 16), Matrix(1, 16))
        q.view.fill(100)
        for key in 0..<64 { k.view.rows(key..<key + 1).fill(key == 37 ? 50 : -50) }
        cache.store(k.view, v.view, cache.rows(0, 0..<64), pool)
        let got = cache.attend(q.view, cache.rows(0, 63..<64), heads: 1, pool)
        expectSameBits(got, v.view.rows(37..<38).elements)
    }

    /// Rounded to what bf16 holds, so that the format adds no error of its own.
    private func exact(_ matrix: Matrix) -> Matrix {
        for row in 0..<matrix.view.rows {
            for column in 0..<matrix.view.columns {
                matrix.view[row, column] = Float(bitPattern: matrix.view[row, column].bitPattern & 0xffff_0000)
            }
        }
        return matrix
    }

    private func oracle(
        _ q: UnsafeMutablePointer<Float>, _ k: MatrixView, _ v: MatrixView, position: Int, _ shape: Shape
    ) -> [Double] {
        let (dim, perKey) = (shape.headDim, shape.heads / shape.kvHeads)
        return (0..<shape.heads).flatMap { head -> [Double] in
            let (query, base) = (q + head * dim, head / perKey * dim)
            let scores = (0...position).map { key -> Double in
                let key = k.row(key) + base
                return (0..<dim).reduce(0.0) { $0 + Double(query[$1]) * Double(key[$1]) } / Double(dim).squareRoot()
            }
            let largest = scores.max()!
            let weights = scores.map { exp($0 - largest) }
            let total = weights.reduce(0, +)
            return (0..<dim).map { d in (0...position).reduce(0.0) { $0 + weights[$1] * Double(v.row($1)[base + d]) } / total }
        }
    }
}
