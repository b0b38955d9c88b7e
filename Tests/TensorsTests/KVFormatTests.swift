import Foundation
import Tensors
import TestRandomness
import Testing

/// What the formats of the KV cache cost, in bytes and in accuracy.
@Suite struct KVFormatTests {
    @Test func bytes() {
        func bytes(_ format: KVFormat, _ headDim: Int) -> Int { KVLayout(kvHeads: 3, headDim: headDim, format: format).bytesPerBlock }
        #expect(bytes(.f32, 128) == 3 * 32 * 128 * 4)
        #expect(bytes(.bf16, 128) == 3 * 32 * 128 * 2)
        #expect(bytes(.int8, 128) == 3 * 32 * (128 + 4))
        #expect(bytes(.int8, 65) == 3 * 32 * (80 + 4))
    }

    /// Some elements of every key tower over the others, as in models with key biases. A scale set by them alone would make the score's error
    /// several times as large.
    @Test(arguments: InstructionSet.available) func outliers(_ tier: InstructionSet) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        let (shape, length) = (AttentionShape(heads: 6, kvHeads: 1, headDim: 128), 700)
        let cache = AttentionCache(shape.layout(.int8), lengths: [length], using: &random)
        let (q, k, v) = (
            random.matrix(1, shape.queryWidth, -4...4), random.matrix(length, shape.keyWidth), random.matrix(length, shape.keyWidth)
        )
        for key in 0..<length {
            k.view[key, 40] += 30
            k.view[key, 101] -= 20
        }
        cache.store(k.view, v.view, cache.rows(0, 0..<length), pool)
        let got = cache.attend(q.view, cache.rows(0, length - 1..<length), heads: shape.heads, pool)
        let wanted = shape.oracle(q.view.row(0), position: length - 1, key: k.view.row, value: v.view.row)
        let error = relativeError(got, wanted)
        print("int8 keys with outliers, \(tier): relative error \(error)")
        #expect(error < 0.06)
    }

    /// A token's bytes depend on it alone: they are the same whatever was stored before it, beside it and after it.
    @Test(arguments: InstructionSet.available) func storageDependsOnTheTokenAlone(_ tier: InstructionSet) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        let shape = AttentionShape(heads: 2, kvHeads: 2, headDim: 80)
        for format in KVFormat.allCases {
            let (k, v) = (random.matrix(64, shape.keyWidth), random.matrix(64, shape.keyWidth))
            let order = Array(0..<64).shuffled(using: &random)
            let together = AttentionCache(shape.layout(format), lengths: [64], using: &random)
            let apart = AttentionCache(shape.layout(format), lengths: [64], using: &random)
            for block in 0..<2 { apart.tables[0][block] = together.tables[0][block] }
            together.store(k.view, v.view, together.rows(0, 0..<64), pool)
            for token in order {
                let scaled = random.matrix(1, shape.keyWidth, -100...100)
                apart.store(scaled.view, scaled.view, apart.rows(0, token..<token + 1), pool)
                apart.store(k.view.rows(token..<token + 1), v.view.rows(token..<token + 1), apart.rows(0, token..<token + 1), pool)
            }
            #expect(together.keys.buffer.elementsEqual(apart.keys.buffer), "\(format)")
            #expect(together.values.buffer.elementsEqual(apart.values.buffer), "\(format)")
        }
    }

    /// A token whose keys and values are no numbers stays its own affair: rows before it do not see it, and storing over it heals the slot.
    @Test(arguments: InstructionSet.available) func notANumber(_ tier: InstructionSet) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 1, instructionSet: tier)
        let shape = AttentionShape(heads: 4, kvHeads: 2, headDim: 32)
        for format in KVFormat.allCases {
            let cache = AttentionCache(shape.layout(format), lengths: [40], using: &random)
            let (q, k, v) = (random.matrix(40, shape.queryWidth), random.matrix(40, shape.keyWidth), random.matrix(40, shape.keyWidth))
            cache.store(k.view, v.view, cache.rows(0, 0..<40), pool)
            let clean = cache.attend(q.view, cache.rows(0, 0..<40), heads: shape.heads, pool)
            let bad = Matrix(1, shape.keyWidth)
            bad.view.fill(.nan)
            cache.store(bad.view, bad.view, cache.rows(0, 21..<22), pool)
            let before = cache.attend(q.view, cache.rows(0, 0..<40), heads: shape.heads, pool)
            expectSameBits(Array(before[..<(21 * shape.queryWidth)]), Array(clean[..<(21 * shape.queryWidth)]), "\(format)")
            cache.store(k.view.rows(21..<22), v.view.rows(21..<22), cache.rows(0, 21..<22), pool)
            expectSameBits(cache.attend(q.view, cache.rows(0, 0..<40), heads: shape.heads, pool), clean, "\(format)")
        }
    }
}
