import Foundation
import Tensors
import TestRandomness
import Testing

/// Windows and caps of attention.
@Suite struct AttentionWindowTests {
    private static let cases = InstructionSet.available.flatMap { tier in KVFormat.allCases.map { (tier, $0) } }
    private static let windows = [1, 5, 32, 33, 512, 700]
    /// Where blocks, chunks and windows begin and end.
    private static let edges = Set([0, 1, 31, 32, 33, 511, 512, 513, 543, 544, 699, 700, 1023, 1024, 1025, 1055, 1211, 1212, 1535, 1536])

    /// Against a softmax in double over the window, in a prompt of more than two chunks.
    @Test(arguments: cases) func values(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        let length = 1100
        let shapes = [
            AttentionShape(heads: 2, kvHeads: 2, headDim: 64), AttentionShape(heads: 4, kvHeads: 1, headDim: 36),
            AttentionShape(heads: 7, kvHeads: 1, headDim: 256),
        ]
        for shape in shapes {
            let cache = AttentionCache(shape.layout(format), lengths: [length], using: &random)
            let k = random.matrix(length, shape.keyWidth).roundedToBF16(), v = random.matrix(length, shape.keyWidth).roundedToBF16()
            cache.store(k.view, v.view, cache.rows(0, 0..<length), pool)
            for window in [nil] + Self.windows.map(Int?.some) {
                // A cap of 3 bends scores that go up to 10; int8's error bound is for scores that are not too far apart.
                for cap in [nil, Float(3)] where cap != nil || window != nil {
                    let rule = ScoreRule(cap: cap, window: window)
                    // A step of prefill that begins within a block, and one of decode.
                    for rows in [1000..<1100, 1057..<1058, 400..<530] {
                        let q = random.matrix(rows.count, shape.queryWidth, -4...4)
                        let got = cache.attend(q.view, cache.rows(0, rows), heads: shape.heads, under: rule, pool)
                        for row in Set([0, rows.count / 2, rows.count - 1]) {
                            let wanted = shape.oracle(
                                q.view.row(row), position: rows.lowerBound + row, rule: rule, key: k.view.row, value: v.view.row)
                            let result = Array(got[row * shape.queryWidth..<(row + 1) * shape.queryWidth])
                            let worst = zip(result, wanted).map { abs(Double($0) - $1) }.max()!
                            let comment: Comment = "\(shape), \(rule.testDescription), position \(rows.lowerBound + row)"
                            // The bounds of AttentionTests.values; tanh never makes a score's error larger.
                            switch format {
                            case .f32: #expect(worst < 1e-5, comment)
                            case .bf16: #expect(worst < 1.0 / 256, comment)
                            case .int8: #expect(worst < 0.08, comment)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Bit for bit: a window changes nothing of what a row gets alone, in decode or prefill, cut anywhere, on any number of threads.
    @Test(arguments: cases) func prefillEqualsDecode(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        for (heads, kvHeads, headDim) in [(3, 1, 32), (2, 2, 80), (16, 1, 48)] {
            let shape = AttentionShape(heads: heads, kvHeads: kvHeads, headDim: headDim)
            for (number, window) in Self.windows.enumerated() {
                let rule = ScoreRule(cap: number % 2 == 0 ? nil : 5, window: window)
                let some = Set((0..<10).map { _ in Int.random(in: 0..<1600, using: &random) })
                shape.expectSameBitsHoweverCut(
                    format, tier, rule, lengths: [1600, 540], largestStep: 300,
                    positions: { Self.edges.contains($0) || some.contains($0) }, &random)
            }
        }
        AttentionShape(heads: 6, kvHeads: 2, headDim: 64).expectSameBitsHoweverCut(
            format, tier, ScoreRule(cap: 30, window: nil), lengths: [1100, 40], largestStep: 300, positions: Self.edges.contains, &random)
    }

    /// Rows far apart in one step, between whose windows chunks lie that nobody sees; the same bits as alone.
    @Test(arguments: cases) func rowsFarApart(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let (shape, length) = (AttentionShape(heads: 4, kvHeads: 2, headDim: 40), 2600)
        let cache = AttentionCache(shape.layout(format), lengths: [length], using: &random)
        let (k, v) = (random.matrix(length, shape.keyWidth), random.matrix(length, shape.keyWidth))
        let alone = WorkerPool(threads: 1, instructionSet: tier)
        cache.store(k.view, v.view, cache.rows(0, 0..<length), alone)
        let positions = [2590, 3, 1700, 2589, 511, 512, 40, 2048]
        let q = random.matrix(positions.count, shape.queryWidth)
        let rows = positions.flatMap { cache.rows(0, $0..<$0 + 1) }
        for window in Self.windows {
            let rule = ScoreRule(cap: nil, window: window)
            let wanted = rows.indices.flatMap { row in
                cache.attend(q.view.rows(row..<row + 1), [rows[row]], heads: shape.heads, under: rule, alone)
            }
            for threads in [1, 2, 4] {
                let got = cache.attend(
                    q.view, rows, heads: shape.heads, under: rule, WorkerPool(threads: threads, instructionSet: tier))
                expectSameBits(got, wanted, "window \(window), \(threads) threads")
            }
        }
    }

    /// What no row sees any more may be anything: tokens before the window may hold NaN, and blocks before it need not be there. A block table
    /// whose dead entries point far outside the memory shows that nothing of them is read.
    @Test(arguments: cases) func nothingIsReadBeforeTheWindow(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let (shape, length) = (AttentionShape(heads: 6, kvHeads: 2, headDim: 64), 1600)
        let cache = AttentionCache(shape.layout(format), lengths: [length], using: &random)
        let (k, v) = (random.matrix(length, shape.keyWidth), random.matrix(length, shape.keyWidth))
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        cache.store(k.view, v.view, cache.rows(0, 0..<length), pool)
        let bad = Matrix(length, shape.keyWidth)
        bad.view.fill(.nan)
        for window in Self.windows {
            for rows in [1599..<1600, 1535..<1537, 1560..<1600] {
                let table = cache.tables[0], kept = Array(table)
                let rule = ScoreRule(cap: window == 33 ? 20 : nil, window: window)
                let q = random.matrix(rows.count, shape.queryWidth)
                let wanted = cache.attend(q.view, cache.rows(0, rows), heads: shape.heads, under: rule, pool)
                let first = rows.lowerBound - window + 1
                // What stands in the first row's block before its window is NaN; blocks before that one are gone.
                let block = first / KVLayout.blockTokens
                let before = block * KVLayout.blockTokens..<first
                cache.store(bad.view.rows(before), bad.view.rows(before), cache.rows(0, before), pool)
                for gone in 0..<block { table[gone] = .max }
                let got = cache.attend(q.view, cache.rows(0, rows), heads: shape.heads, under: rule, pool)
                for (gone, entry) in kept.enumerated() { table[gone] = entry }
                cache.store(k.view.rows(before), v.view.rows(before), cache.rows(0, before), pool)
                expectSameBits(got, wanted, "window \(window), rows \(rows)")
                #expect(!got.contains { !$0.isFinite })
            }
        }
    }

    /// A window that reaches back to the start is none.
    @Test(arguments: cases) func wideWindowIsNone(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let (shape, length) = (AttentionShape(heads: 4, kvHeads: 2, headDim: 48), 1100)
        let cache = AttentionCache(shape.layout(format), lengths: [length], using: &random)
        let (k, v) = (random.matrix(length, shape.keyWidth), random.matrix(length, shape.keyWidth))
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        let rows = cache.rows(0, 0..<length)
        cache.store(k.view, v.view, rows, pool)
        let q = random.matrix(length, shape.queryWidth)
        let wanted = cache.attend(q.view, rows, heads: shape.heads, pool)
        for window in [length, length + 1, .max] {
            expectSameBits(cache.attend(q.view, rows, heads: shape.heads, under: ScoreRule(cap: nil, window: window), pool), wanted)
        }
        let narrower = cache.attend(q.view, rows, heads: shape.heads, under: ScoreRule(cap: nil, window: length - 1), pool)
        let last = (length - 1) * shape.queryWidth
        expectSameBits(Array(narrower[..<last]), Array(wanted[..<last]))
        #expect(narrower[last...].elementsEqual(wanted[last...]) == false)
    }
}
