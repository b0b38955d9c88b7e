import Kernels
import TestRandomness
import Testing

/// Quantised products: the scalar tier against sums in double over the stored values, the other tiers against the scalar one bit for bit.
@Suite struct QuantisedTests {
    static let formats: [resa_quant_format] = [
        .flat(8, 32), .flat(8, 64), .flat(8, 128), .flat(8, 32, minima: true), .twoLevel(8), .flat(4, 32), .flat(4, 32, minima: true),
        .flat(4, 64), .flat(4, 64, minima: true), .twoLevel(4), .flat(8, 64, rotated: true), .flat(8, 128, rotated: true),
        .flat(4, 32, rotated: true),
    ]
    /// Single columns, odd tails of both sides, several super-groups, more than one K block.
    static let shapes = [(1, 1), (31, 33), (32, 256), (33, 300), (70, 1023), (33, 2100), (5, 4200)]

    @Test func whatIsSupported() {
        for format in Self.formats { #expect(resa_quant_supported(format)) }
        for format: resa_quant_format in [.flat(5, 32), .flat(8, 48), .flat(4, 16), .twoLevel(4, group: 64)] {
            #expect(!resa_quant_supported(format))
        }
        let without = resa_quant_format(bits: 4, group: 32, minima: false, twoLevel: true, rotated: false)
        #expect(!resa_quant_supported(without))
    }

    @Test func bitsPerWeight() {
        let wanted: [(resa_quant_format, Double)] = [
            (.flat(8, 32), 8.5), (.flat(8, 64), 8.25), (.flat(8, 128), 8.125), (.flat(4, 32), 4.5), (.twoLevel(4), 4.625),
        ]
        for (format, bits) in wanted { #expect(Double(resa_quant_bytes(format, 64, 1024)) * 8 / (64 * 1024) == bits) }
    }

    @Test(arguments: formats) func unpackingGivesTheStoredValues(_ format: resa_quant_format) {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let matrix = QuantisedMatrix(format, outputs, inputs, using: &random)
            var plain = format
            plain.rotated = false
            for output in 0..<outputs { expectSameBits(matrix.row(output, as: plain), matrix.stored(output)) }
        }
    }

    /// What a rotated row stands for is the stored row turned back.
    @Test func unpackingTurnsBack() {
        var random = SeededRandom()
        let matrix = QuantisedMatrix(.flat(8, 64, rotated: true), 5, 128, using: &random)
        for output in 0..<5 {
            var turned = matrix.row(output, as: matrix.format)
            resa_rotate_groups(64, 128, &turned)
            #expect(worstError(turned, matrix.stored(output), floor: 1) < 1e-5)
        }
    }

    @Test func rotationKeepsProducts() {
        var random = SeededRandom()
        for group in [32, 64, 128] {
            var (a, b) = (random.floats(2 * group), random.floats(2 * group))
            let before = Tier.scalar.kernels.dot(2 * group, a, b)
            resa_rotate_groups(group, a.count, &a)
            resa_rotate_groups(group, b.count, &b)
            #expect(abs(Tier.scalar.kernels.dot(2 * group, a, b) - before) < 1e-4)
            var unit = [Float](repeating: 0, count: group)
            unit[1] = 1
            resa_rotate_groups(group, group, &unit)
            #expect(worstError(unit, (0..<group).map { ($0 % 2 == 0 ? 1 : -1) / Float(group).squareRoot() }, floor: 0) < 1e-6)
        }
    }

    @Test func halves() {
        let cases: [(Float, Float)] = [
            (1, 1), (0x1.002p0, 0x1p0), (0x1.006p0, 0x1.008p0), (65504, 65504), (65519.99, 65504), (65520, .infinity), (0x1p-24, 0x1p-24),
            (0x1p-25, 0), (0x1.8p-25, 0x1p-24), (0x1.ff8p-15, 0x1.ff8p-15), (0x1.ffcp-15, 0x1p-14), (-0.0, -0.0), (-.infinity, -.infinity),
        ]
        for (value, wanted) in cases { #expect(resa_round_to_half(value).bitPattern == wanted.bitPattern, "\(value)") }
        #expect(resa_round_to_half(.nan).isNaN)
        var random = SeededRandom()
        for _ in 0..<2000 {
            let value =
                Float.random(in: -4...4, using: &random)
                * Float(sign: .plus, exponent: Int.random(in: -24...12, using: &random), significand: 1)
            let step = max(value.binade.magnitude * 0x1p-10, 0x1p-24)
            #expect(resa_round_to_half(value) == (value / step).rounded(.toNearestOrEven) * step)
        }
    }

    /// Against sums in double over the stored weights and the quantised activations.
    @Test(arguments: formats.filter { !$0.rotated }) func sums(_ format: resa_quant_format) {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let matrix = QuantisedMatrix(format, outputs, inputs, using: &random)
            let x = QuantisedRows(format, random.floats(5 * inputs), inputs: inputs)
            let got = matrix.multiply(.scalar, x)
            for output in 0..<outputs {
                let (weights, magnitudes) = (matrix.stored(output), matrix.magnitudes(output))
                for row in 0..<5 {
                    let products = zip(weights, x.values(row)).map { Double($0) * Double($1) }
                    let magnitude = zip(magnitudes, x.values(row)).reduce(0) { $0 + abs(Double($1.0) * Double($1.1)) }
                    let error = abs(Double(got[row * outputs + output]) - products.reduce(0, +))
                    // A few roundings for each group: of the scale, of the product's place in the chain (and the minimum's), of the factor.
                    let steps = resa_quant_groups(format, inputs) * (format.minima ? 2 : 1)
                    #expect(error <= magnitude * Double(steps + 4) * 0x1p-24)
                }
            }
        }
    }

    /// Weights and activations that the format holds exactly: the product of a rotated matrix is that of the matrix turned back.
    @Test func rotatedProductsAreThoseOfTheTurnedWeights() {
        var random = SeededRandom()
        let format = resa_quant_format.flat(8, 128, rotated: true)
        let matrix = QuantisedMatrix(format, 40, 512, using: &random)
        let floats = random.floats(512)
        let got = matrix.multiply(.scalar, QuantisedRows(format, floats, inputs: 512))
        for output in 0..<40 {
            let products = zip(matrix.row(output, as: format), floats).map { Double($0) * Double($1) }
            // The activations' rounding: at most half a step of about 1/40 of the group's spread, for 512 products.
            let spread = products.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(abs(Double(got[output]) - products.reduce(0, +)) < 0.05 * spread)
        }
    }

    @Test(arguments: formats, Tier.vector) func tiersGiveTheSameBits(_ format: resa_quant_format, _ tier: Tier) {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let matrix = QuantisedMatrix(format, outputs, inputs, using: &random)
            let floats = random.floats(13 * inputs)
            let x = QuantisedRows(format, floats, inputs: inputs)
            #expect(QuantisedRows(format, floats, inputs: inputs, tier).used == x.used, "quantised rows of \(inputs)")
            expectSameBits(matrix.multiply(tier, x), matrix.multiply(.scalar, x), "[\(outputs), \(inputs)]")
            let (bias, start) = (random.floats(outputs), random.floats(13 * outputs))
            expectSameBits(matrix.multiply(tier, x, bias: bias), matrix.multiply(.scalar, x, bias: bias))
            expectSameBits(matrix.multiply(tier, x, into: start, scale: -0.3), matrix.multiply(.scalar, x, into: start, scale: -0.3))
        }
    }

    /// Bit for bit: a row alone, among any number of rows, at any place.
    @Test(arguments: formats, Tier.all) func rowsDoNotKnowTheirNeighbours(_ format: resa_quant_format, _ tier: Tier) {
        var random = SeededRandom()
        for (outputs, inputs) in [(33, 300), (5, 4200)] {
            let matrix = QuantisedMatrix(format, outputs, inputs, using: &random)
            let x = QuantisedRows(format, random.floats(50 * inputs), inputs: inputs)
            let alone = (0..<50).map { matrix.multiply(tier, x, $0..<$0 + 1) }
            for rows in tier.kernels.tier == RESA_TIER_SCALAR ? [2, 7, 13] : Array(2...20) + [24, 25, 31, 50] {
                let first = Int.random(in: 0...50 - rows, using: &random)
                expectSameBits(
                    matrix.multiply(tier, x, first..<first + rows), alone[first..<first + rows].flatMap { $0 }, "\(rows) rows")
            }
        }
    }

    @Test(arguments: Tier.vector) func mostRowsOfACall(_ tier: Tier) {
        var random = SeededRandom()
        let matrix = QuantisedMatrix(.flat(8, 64), 33, 64, using: &random)
        let x = QuantisedRows(.flat(8, 64), random.floats(800 * 64), inputs: 64)
        expectSameBits(matrix.multiply(tier, x), matrix.multiply(.scalar, x))
    }

    @Test(arguments: Tier.all) func updates(_ tier: Tier) {
        var random = SeededRandom()
        let (outputs, inputs) = (75, 90)
        let matrix = QuantisedMatrix(.flat(8, 32), outputs, inputs, using: &random)
        let x = QuantisedRows(matrix.format, random.floats(9 * inputs), inputs: inputs)
        let (start, bias) = (random.floats(9 * outputs), random.floats(outputs))
        let plain = matrix.multiply(tier, x)
        let biased = matrix.multiply(tier, x, bias: bias)
        #expect(worstError(biased, plain.indices.map { plain[$0] + bias[$0 % outputs] }, floor: 1) < 1e-6)
        let added = matrix.multiply(tier, x, into: start, scale: -0.5)
        #expect(worstError(added, plain.indices.map { start[$0] - 0.5 * plain[$0] }, floor: 1) < 1e-6)
    }

    // Activations.

    /// Numbers that are whole multiples of max / 127 come back as they are.
    @Test(arguments: Tier.all) func exactActivations(_ tier: Tier) {
        var random = SeededRandom()
        for group in [32, 64, 128] {
            let format = resa_quant_format.flat(8, group)
            var floats = (0..<group).map { _ in Float(Int.random(in: -127...127, using: &random)) * 0x1p-9 }
            floats[group / 3] = -127 * 0x1p-9
            expectSameBits(QuantisedRows(format, floats, inputs: group, tier).values(0), floats.map { $0 == 0 ? 0 : $0 })
        }
    }

    @Test(arguments: formats, Tier.all) func activationsAreWithinHalfAStep(_ format: resa_quant_format, _ tier: Tier) {
        var random = SeededRandom()
        let group = Int(format.group), inputs = 3 * group - 7
        let floats = random.floats(inputs, -3...3)
        var turned = floats + Array(repeating: 0, count: 7)
        if format.rotated { resa_rotate_groups(group, turned.count, &turned) }
        let values = QuantisedRows(format, floats, inputs: inputs, tier).values(0)
        for i in 0..<inputs {
            let largest = turned[i / group * group..<(i / group + 1) * group].map(abs).max()!
            #expect(abs(values[i] - turned[i]) <= largest / 254 * 1.0001)
        }
    }

    /// Zeros, the smallest and largest numbers, infinities and NaN; nothing crashes and nothing not finite passes unseen.
    @Test(arguments: formats, Tier.all) func extremes(_ format: resa_quant_format, _ tier: Tier) {
        var random = SeededRandom()
        let inputs = 256
        let matrix = QuantisedMatrix(format, 33, inputs, using: &random)
        for value: Float in [0, -0.0, 0x1p-149, -0x1p-133, 0x1p-123] {
            let result = matrix.multiply(tier, QuantisedRows(format, Array(repeating: value, count: inputs), inputs: inputs, tier))
            #expect(result.allSatisfy { abs($0) < 1e-30 }, "\(value)")
        }
        // Group sums overflow when turned, so the bound is lower there.
        let large: Float = format.rotated ? 1e30 : 3e38
        var floats = random.floats(inputs)
        floats[3] = large
        let values = QuantisedRows(format, floats, inputs: inputs, tier).values(0)
        #expect(values.allSatisfy { $0.isFinite } && values.map(abs).max()! > large / 16)
        for value in [Float.nan, .infinity, -.infinity] {
            floats[3] = value
            let result = matrix.multiply(tier, QuantisedRows(format, floats, inputs: inputs, tier))
            #expect(result.allSatisfy { $0.isNaN }, "\(value)")
        }
    }

    @Test(arguments: formats, Tier.all) func activationQuantised(_ format: resa_quant_format, _ tier: Tier) {
        var random = SeededRandom()
        for inputs in [1, 100, 1024, 1300, 2570] {
            let (gate, up) = (random.floats(inputs, -4...4), random.floats(inputs))
            for activation in [RESA_SILU, RESA_GELU, RESA_GELU_TANH] {
                for up in [nil, up] {
                    var product = [Float](repeating: 0, count: inputs)
                    up.withOptionalPointer { tier.kernels.activate(activation, inputs, gate, $0, &product) }
                    let wanted = QuantisedRows(format, product, inputs: inputs, tier)
                    let got = QuantisedRows(format, rows: 1, inputs: inputs)
                    up.withOptionalPointer { resa_activate_quantise_row(tier.table, format, activation, inputs, gate, $0, got.start) }
                    #expect(got.used == wanted.used, "\(inputs), activation \(activation)")
                }
            }
        }
    }
}
