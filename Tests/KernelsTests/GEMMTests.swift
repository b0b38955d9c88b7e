import Kernels
import TestRandomness
import Testing

@Suite struct GEMMTests {
    /// x, W and y of a product through the packed kernels, on one thread.
    private struct Product {
        let (outputs, inputs): (Int, Int)
        let weights: [Float]
        let packed: [UInt16]

        init(outputs: Int, inputs: Int, using random: inout SeededRandom) {
            (self.outputs, self.inputs) = (outputs, inputs)
            weights = random.floats(outputs * inputs)
            var packed = [UInt16](repeating: 0xffff, count: resa_packed_count(outputs, inputs))
            for first in stride(from: 0, to: outputs, by: RESA_PANEL_COLUMNS) {
                let rows = min(RESA_PANEL_COLUMNS, outputs - first)
                resa_pack_panel(outputs, inputs, first, rows, Array(weights[(first * inputs)...]), &packed)
            }
            self.packed = packed
        }

        func multiply(_ tier: Tier, _ x: [Float], into start: [Float]? = nil, bias: [Float]? = nil, scale: Float? = nil) -> [Float] {
            let rows = x.count / inputs
            let stride = resa_activation_stride(inputs)
            var rounded = [UInt16](repeating: 0xffff, count: rows * stride)
            for row in 0..<rows {
                rounded.withUnsafeMutableBufferPointer {
                    resa_round_row(inputs, stride, Array(x[(row * inputs)...]), $0.baseAddress! + row * stride)
                }
            }
            // One guard column, which must stay.
            let width = outputs + 1
            var y = [Float](repeating: 7, count: rows * width)
            if let start { for row in 0..<rows { for c in 0..<outputs { y[row * width + c] = start[row * outputs + c] } } }
            let bias = bias.map { UnsafeMutableBufferPointer<Float>.allocate(copying: $0) }
            defer { bias?.deallocate() }
            packed.withUnsafeBufferPointer { packed in
                rounded.withUnsafeBufferPointer { rounded in
                    y.withUnsafeMutableBufferPointer { y in
                        var gemm = resa_gemm_bf16(
                            outputs: outputs, inputs: inputs, rows: rows, packed: packed.baseAddress!, x: rounded.baseAddress!,
                            xStride: stride, y: y.baseAddress!, yStride: width, bias: bias.map { UnsafePointer($0.baseAddress!) },
                            add: scale != nil, scale: scale ?? 1)
                        for first in Swift.stride(from: 0, to: rows, by: RESA_GEMM_ROWS) {
                            resa_gemm_bf16_panels(
                                tier.table, &gemm, 0, (outputs + RESA_PANEL_COLUMNS - 1) / RESA_PANEL_COLUMNS, first,
                                min(rows, first + RESA_GEMM_ROWS))
                        }
                    }
                }
            }
            return (0..<rows).flatMap { row in
                #expect(y[row * width + outputs] == 7, "wrote past the row's end")
                return y[row * width..<row * width + outputs]
            }
        }
    }

    private static let shapes = [
        (1, 1), (16, 2), (17, 3), (48, 31), (64, 64), (65, 100), (100, 1023), (130, 1024), (64, 1025), (200, 2100), (8, 577), (31, 4096),
    ]

    /// Nearest even, denormals, infinities, NaN.
    @Test func rounding() {
        let cases: [(UInt32, UInt16)] = [
            (0x3f80_0000, 0x3f80), (0x3f80_8000, 0x3f80), (0x3f81_8000, 0x3f82), (0x3f80_8001, 0x3f81), (0x3f80_7fff, 0x3f80),
            (0xbf81_8000, 0xbf82), (0x7f7f_ffff, 0x7f80), (0x7f80_0000, 0x7f80), (0xff80_0000, 0xff80), (0x0000_0001, 0x0000),
            (0x0001_8000, 0x0002), (0x8000_0000, 0x8000),
        ]
        for (bits, wanted) in cases {
            var out: [UInt16] = [1, 1]
            resa_round_row(1, 2, [Float(bitPattern: bits)], &out)
            #expect(out == [wanted, 0])
        }
        for bits: UInt32 in [0x7f80_0001, 0xffff_ffff, 0x7fc0_0000] {
            var out: [UInt16] = [0]
            resa_round_row(1, 1, [Float(bitPattern: bits)], &out)
            #expect(Float(bitPattern: UInt32(out[0]) << 16).isNaN)
        }
    }

    @Test func unpackingGivesTheStoredValues() {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let product = Product(outputs: outputs, inputs: inputs, using: &random)
            for output in 0..<outputs {
                var row = [Float](repeating: 0, count: inputs)
                resa_unpack_row(outputs, inputs, output, product.packed, &row)
                let wanted = product.weights[output * inputs..<(output + 1) * inputs].map(roundedToBF16)
                expectSameBits(row, wanted)
            }
        }
    }

    /// Against sums in double over the rounded values.
    @Test(arguments: Tier.all) func sums(_ tier: Tier) {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let product = Product(outputs: outputs, inputs: inputs, using: &random)
            let w = product.weights.map { Double(roundedToBF16($0)) }
            for rows in [1, 2, 5, 7, 13] {
                let x = random.floats(rows * inputs)
                let got = product.multiply(tier, x)
                for row in 0..<rows {
                    let x = x[row * inputs..<(row + 1) * inputs].map { Double(roundedToBF16($0)) }
                    for output in stride(from: row, to: outputs, by: 23) {
                        let wanted = zip(x, w[(output * inputs)...]).reduce(0) { $0 + $1.0 * $1.1 }
                        // A chain of n roundings of sums that walk randomly to about sqrt(n): n * 2^-24 * sqrt(n), with room.
                        let bound = 1e-6 + Double(inputs) * 0x1p-24 * Double(inputs).squareRoot()
                        #expect(abs(Double(got[row * outputs + output]) - wanted) < bound, "[\(rows), \(inputs)] to \(outputs)")
                    }
                }
            }
        }
    }

    /// Bit for bit: a row alone, among any number of rows, at any place. Crosses K blocks (inputs over 1024) and tile shapes.
    @Test(arguments: Tier.all) func rowsDoNotKnowTheirNeighbours(_ tier: Tier) {
        var random = SeededRandom()
        for (outputs, inputs) in [(17, 3), (100, 1030), (64, 2100), (130, 577)] {
            let product = Product(outputs: outputs, inputs: inputs, using: &random)
            let most = 40
            let x = random.floats(most * inputs)
            let alone = (0..<most).map { product.multiply(tier, Array(x[$0 * inputs..<($0 + 1) * inputs])) }
            for rows in Array(1...20) + [24, 25, 31, 40] {
                let first = Int.random(in: 0...most - rows, using: &random)
                let got = product.multiply(tier, Array(x[first * inputs..<(first + rows) * inputs]))
                expectSameBits(got, alone[first..<first + rows].flatMap { $0 }, "\(rows) rows of [\(outputs), \(inputs)]")
            }
        }
    }

    /// More rows than one call's block.
    @Test(arguments: Tier.all) func manyRows(_ tier: Tier) {
        var random = SeededRandom()
        let (outputs, inputs, rows) = (70, 64, 800)
        let product = Product(outputs: outputs, inputs: inputs, using: &random)
        let x = random.floats(rows * inputs)
        let all = product.multiply(tier, x)
        for row in [0, 1, 383, 384, 400, 799] {
            let alone = product.multiply(tier, Array(x[row * inputs..<(row + 1) * inputs]))
            expectSameBits(alone, Array(all[row * outputs..<(row + 1) * outputs]))
        }
    }

    /// Products of bf16 pairs are exact in f32, so a fused and an unfused chain in the same order agree to the bit.
    @Test(.enabled(if: Tier.all.count > 1)) func avx2EqualsScalar() {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let product = Product(outputs: outputs, inputs: inputs, using: &random)
            let x = random.floats(3 * inputs)
            expectSameBits(product.multiply(Tier.all[1], x), product.multiply(.scalar, x))
        }
    }

    @Test(arguments: Tier.all) func updates(_ tier: Tier) {
        var random = SeededRandom()
        let (outputs, inputs, rows) = (75, 90, 9)
        let product = Product(outputs: outputs, inputs: inputs, using: &random)
        let (x, start, bias) = (random.floats(rows * inputs), random.floats(rows * outputs), random.floats(outputs))
        let plain = product.multiply(tier, x)
        let biased = product.multiply(tier, x, bias: bias)
        expectSameBits(biased, plain.indices.map { plain[$0] + bias[$0 % outputs] })
        let added = product.multiply(tier, x, into: start, scale: -0.5)
        #expect(worstError(added, plain.indices.map { start[$0] - 0.5 * plain[$0] }, floor: 1) < 1e-6)
    }
}

private func roundedToBF16(_ value: Float) -> Float {
    var out: [UInt16] = [0]
    resa_round_row(1, 1, [value], &out)
    return Float(bitPattern: UInt32(out[0]) << 16)
}

extension UnsafeMutableBufferPointer where Element == Float {
    fileprivate static func allocate(copying array: [Float]) -> UnsafeMutableBufferPointer {
        let buffer = allocate(capacity: array.count)
        _ = buffer.initialize(from: array)
        return buffer
    }
}
