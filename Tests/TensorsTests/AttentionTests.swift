import Foundation
import Tensors
import TestRandomness
import Testing

@Suite struct AttentionTests {
    private static let cases = InstructionSet.available.flatMap { tier in KVFormat.allCases.map { (tier, $0) } }

    /// Against a softmax in double over the whole row, for every number of query heads a key head and every width of the two.
    @Test(arguments: cases) func values(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        for perKey in [1, 2, 3, 4, 6, 7, 8, 12, 50] {
            for headDim in [64, 80, 96, 128, 256, 8, 36, 17] where perKey < 50 || headDim == 36 {
                let shape = AttentionShape(heads: 2 * perKey, kvHeads: 2, headDim: headDim)
                let length = Int.random(in: 1...100, using: &random)
                let cache = AttentionCache(shape.layout(format), lengths: [length], using: &random)
                let k = random.matrix(length, shape.keyWidth).roundedToBF16(), v = random.matrix(length, shape.keyWidth).roundedToBF16()
                let q = random.matrix(length, shape.queryWidth, -4...4)
                let rows = cache.rows(0, 0..<length)
                cache.store(k.view, v.view, rows, pool)
                let got = cache.attend(q.view, rows, heads: shape.heads, pool)
                for row in Set([0, length / 2, length - 1]) {
                    let wanted = shape.oracle(q.view.row(row), position: row, key: k.view.row, value: v.view.row)
                    let result = got[row * shape.queryWidth..<(row + 1) * shape.queryWidth]
                    let worst = zip(result, wanted).map { abs(Double($0) - $1) }.max()!
                    let comment: Comment = "\(shape), position \(row) of \(length)"
                    switch format {
                    // Scores up to about 10 carry errors of some 2^-22; weights and sums a few roundings more; values are below 1.
                    case .f32: #expect(worst < 1e-5, comment)
                    // Weights may be rounded to bf16: each by 2^-9 of itself at most, which moves a mean of values within -1...1 by that.
                    case .bf16: #expect(worst < 1.0 / 256, comment)
                    // Keys and values within -1...1 are off by at most 1/254 of a head's largest mixed element.
                    case .int8: #expect(worst < 0.08 && relativeError(Array(result), wanted) < 0.04, comment)
                    }
                }
            }
        }
    }

    /// Bit for bit: one token at a time, or the prompt cut anywhere, next to other sequences, on any number of threads.
    @Test(arguments: cases) func prefillEqualsDecode(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let shapes = [
            AttentionShape(heads: 9, kvHeads: 3, headDim: 64), AttentionShape(heads: 12, kvHeads: 2, headDim: 128),
            AttentionShape(heads: 4, kvHeads: 4, headDim: 16), AttentionShape(heads: 7, kvHeads: 1, headDim: 80),
            AttentionShape(heads: 10, kvHeads: 2, headDim: 23), AttentionShape(heads: 16, kvHeads: 2, headDim: 96),
            AttentionShape(heads: 52, kvHeads: 1, headDim: 20), AttentionShape(heads: 4, kvHeads: 2, headDim: 256),
        ]
        for shape in shapes {
            shape.expectSameBitsHoweverCut(format, tier, lengths: [70, 33, 5], largestStep: 40, positions: { _ in true }, &random)
        }
    }

    /// The same where a row has several chunks, which one task may take or many.
    @Test(arguments: cases) func chunksEqual(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let shapes = [
            AttentionShape(heads: 3, kvHeads: 1, headDim: 32), AttentionShape(heads: 6, kvHeads: 1, headDim: 64),
            AttentionShape(heads: 2, kvHeads: 2, headDim: 48),
        ]
        for shape in shapes {
            let some = Set((0..<10).map { _ in Int.random(in: 0..<1600, using: &random) })
            shape.expectSameBitsHoweverCut(
                format, tier, lengths: [1600, 540], largestStep: 300,
                positions: { [0, 510, 511, 512, 513, 1023, 1024, 1025, 1535, 1536].contains($0) || some.contains($0) }, &random)
        }
    }

    /// Extreme scores: one key takes everything, and the weights of the others vanish without NaN.
    @Test(arguments: InstructionSet.available) func extremeScores(_ tier: InstructionSet) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 1, instructionSet: tier)
        let cache = AttentionCache(KVLayout(kvHeads: 1, headDim: 16, format: .f32), lengths: [1100], using: &random)
        let (k, v, q) = (Matrix(1100, 16), random.matrix(1100, 16), Matrix(1, 16))
        q.view.fill(100)
        for key in 0..<1100 { k.view.rows(key..<key + 1).fill(key == 637 ? 50 : -50) }
        cache.store(k.view, v.view, cache.rows(0, 0..<1100), pool)
        let got = cache.attend(q.view, cache.rows(0, 1099..<1100), heads: 1, pool)
        expectSameBits(got, v.view.rows(637..<638).elements)
    }
}
