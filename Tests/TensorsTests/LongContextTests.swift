import Foundation
import Tensors
import TestRandomness
import Testing

/// Contexts of more than 32,000 tokens.
@Suite struct LongContextTests {
    private static let cases = InstructionSet.available.flatMap { tier in KVFormat.allCases.map { (tier, $0) } }

    /// A block table of 1,250 entries over a few blocks that lie beyond 4 GiB, against a softmax in double over the whole row.
    @Test(arguments: cases) func sparseTable(_ tier: InstructionSet, _ format: KVFormat) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        let shape = AttentionShape(heads: 6, kvHeads: 2, headDim: 64)
        let layout = shape.layout(format)
        let (stored, entries) = (24, 1250)
        // Memory is only touched where a block is stored.
        let first = (5 << 30) / layout.bytesPerBlock
        let keys = AlignedBuffer<UInt8>(count: (first + stored) * layout.bytesPerBlock)
        let values = AlignedBuffer<UInt8>(count: (first + stored) * layout.bytesPerBlock)
        let blocks = (0..<Int32(stored)).map { Int32(first) + $0 }
        let (k, v) = (
            random.matrix(stored * 32, shape.keyWidth).roundedToBF16(), random.matrix(stored * 32, shape.keyWidth).roundedToBF16()
        )
        blocks.withUnsafeBufferPointer { table in
            let rows = (0..<stored * 32).map { AttentionRow(position: Int32($0), blockTable: table.baseAddress!) }
            Attention.store(
                k: k.view, v: v.view, rows: rows, keys: keys.pointer, values: values.pointer, layout: layout, pool: pool)
        }

        let places = (0..<entries).map { _ in Int.random(in: 0..<stored, using: &random) }
        let positions = [32_000, 32_767, 32_768, 39_999]
        let q = random.matrix(positions.count, shape.queryWidth, -4...4)
        let out = Matrix(positions.count, shape.queryWidth)
        places.map { blocks[$0] }.withUnsafeBufferPointer { table in
            let rows = positions.map { AttentionRow(position: Int32($0), blockTable: table.baseAddress!) }
            Attention.attend(
                q: q.view, rows: rows, keys: keys.pointer, values: values.pointer, heads: shape.heads, scale: 0.125, layout: layout,
                into: out.view, pool: pool, workspace: Workspace())
        }
        func token(_ position: Int) -> Int { places[position / 32] * 32 + position % 32 }
        for (row, position) in positions.enumerated() {
            let wanted = shape.oracle(
                q.view.row(row), position: position, key: { k.view.row(token($0)) }, value: { v.view.row(token($0)) })
            let got = out.view.rows(row..<row + 1).elements
            let worst = zip(got, wanted).map { abs(Double($0) - $1) }.max()!
            #expect(worst < (format == .f32 ? 1e-5 : format == .bf16 ? 1e-3 : 1e-2), "position \(position)")
        }
    }

    /// Angles are rounded to f32 first, as in `transformers`; cosine and sine of them are right to the last bits at every position.
    @Test func rotaryTable() {
        let pool = WorkerPool(threads: 1)
        let half = 64
        let frequencies = (0..<half).map { Float(pow(1e6, -Double($0) / Double(half))) }
        let positions: [Int32] = [0, 1, 32_767, 32_768, 65_535, 131_071, 131_072]
        let table = Matrix(positions.count, 2 * half)
        RowOperations.rotaryTable(
            positions: positions, count: positions.count, inverseFrequencies: frequencies, half: half, into: table.view, pool: pool)
        for (row, position) in positions.enumerated() {
            for i in 0..<half {
                let angle = Double(Float(position) * frequencies[i])
                #expect(abs(Double(table.view[row, i]) - cos(angle)) < 1e-7, "position \(position)")
                #expect(abs(Double(table.view[row, half + i]) - sin(angle)) < 1e-7, "position \(position)")
            }
        }
    }
}
