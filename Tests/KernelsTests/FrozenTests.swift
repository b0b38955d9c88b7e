import Kernels
import TestRandomness
import Testing

/// Products with frozen matrices, through the tier's own block or BLAS.
@Suite struct FrozenTests {
    /// W [outputs, inputs] as stored, f32 or bf16, and its values.
    private struct Matrix {
        let (outputs, inputs): (Int, Int)
        let values: [Float]
        let halves: [UInt16]

        init(outputs: Int, inputs: Int, using random: inout SeededRandom) {
            (self.outputs, self.inputs) = (outputs, inputs)
            values = random.floats(outputs * inputs).map { Float(bitPattern: $0.bitPattern & 0xffff_0000) }
            halves = values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
        }

        /// Columns `range` of x W^T, or of x W when `across`, added to 3 when `add`. One guard column behind them must stay.
        func multiply(_ tier: Tier, _ x: [Float], rows: Int, across: Bool, brain: Bool, range: Range<Int>, add: Bool) -> [Float] {
            let (depth, width) = (across ? outputs : inputs, range.count + 1)
            var y = [Float](repeating: 3, count: rows * width)
            var scratch = [Float](repeating: .nan, count: Int(RESA_FROZEN_COLUMNS * RESA_FROZEN_DEPTH))
            values.withUnsafeBytes { values in
                halves.withUnsafeBytes { halves in
                    var w = resa_frozen(
                        outputs: outputs, inputs: inputs, weights: brain ? halves.baseAddress! : values.baseAddress!, brain: brain)
                    let run = across ? resa_frozen_transposed : resa_frozen_product
                    run(tier.table, &w, range.lowerBound, range.count, rows, x, depth, &y, width, add, &scratch)
                }
            }
            return (0..<rows).flatMap { row in
                #expect(y[row * width + range.count] == 3, "wrote past the row's end")
                return y[row * width..<row * width + range.count]
            }
        }
    }

    private static let shapes = [(1, 1), (16, 8), (17, 9), (40, 100), (33, 321), (340, 50), (80, 650)]

    /// Against sums in double; f32 and bf16 storage of equal values give the same.
    @Test(arguments: Tier.all) func sums(_ tier: Tier) {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let matrix = Matrix(outputs: outputs, inputs: inputs, using: &random)
            for across in [false, true] {
                let (depth, columns) = across ? (outputs, inputs) : (inputs, outputs)
                let range = Int.random(in: 0..<columns, using: &random)..<columns
                for (rows, add) in [(1, false), (7, true), (20, false)] {
                    let x = random.floats(rows * depth)
                    let got = matrix.multiply(tier, x, rows: rows, across: across, brain: true, range: range, add: add)
                    let plain = matrix.multiply(tier, x, rows: rows, across: across, brain: false, range: range, add: add)
                    #expect(worstError(got, plain, floor: 1) < 5e-5)
                    for row in stride(from: 0, to: rows, by: 3) {
                        for column in stride(from: range.lowerBound, to: columns, by: 7) {
                            var wanted = add ? 3.0 : 0
                            for k in 0..<depth {
                                let weight = across ? matrix.values[k * inputs + column] : matrix.values[column * inputs + k]
                                wanted += Double(x[row * depth + k]) * Double(weight)
                            }
                            let error = abs(Double(got[row * range.count + column - range.lowerBound]) - wanted)
                            #expect(error < 5e-5, "[\(rows), \(depth)] to \(columns), across \(across)")
                        }
                    }
                }
            }
        }
    }

    /// A tier's own block computes a row by the same arithmetic whatever rows are beside it.
    @Test(arguments: Tier.all.filter { $0.kernels.frozen_block != nil }) func rowsAreAlone(_ tier: Tier) {
        var random = SeededRandom()
        let matrix = Matrix(outputs: 50, inputs: 700, using: &random)
        for across in [false, true] {
            let (depth, columns) = across ? (50, 700) : (700, 50)
            let x = random.floats(13 * depth)
            let whole = matrix.multiply(tier, x, rows: 13, across: across, brain: true, range: 0..<columns, add: false)
            for row in 0..<13 {
                let line = Array(x[row * depth..<(row + 1) * depth])
                let alone = matrix.multiply(tier, line, rows: 1, across: across, brain: true, range: 0..<columns, add: false)
                expectSameBits(alone, Array(whole[row * columns..<(row + 1) * columns]))
            }
        }
    }
}
