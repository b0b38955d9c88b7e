import Kernels
import TestRandomness
import Testing

/// What is packed, number by number, as the layouts' descriptions have it.
@Suite struct PackingTests {
    /// Tiles are 4 columns by 4 pairs, strips 64 inputs, panels 64 columns (32 when quantised), groups 32, 64 or 128 inputs, 16 at a time.
    private static let shapes = [
        (1, 1), (3, 2), (4, 8), (16, 7), (17, 9), (33, 31), (63, 64), (64, 65), (65, 66), (66, 127), (130, 130), (5, 513), (40, 1025),
        (1, 2100),
    ]

    /// Denormals, zeros of both signs, ties of bf16 and f16, the largest numbers, and what lies beside each.
    private static let hard: [UInt32] = [
        0, 0x8000_0000, 1, 0x8000_0001, 0x0000_8000, 0x0001_8000, 0x007f_ffff, 0x0080_0000, 0x3f80_8000, 0x3f81_8000, 0xbf80_8000,
        0xbf81_8000,
        0x3f80_7fff, 0x3f80_8001, 0x3f80_1000, 0x3f80_3000, 0x3f00_0000, 0x3fc0_0000, 0x4020_0000,
    ]

    private func floats(_ count: Int, extreme: Bool, _ random: inout SeededRandom) -> [Float] {
        let scale = Float(sign: .plus, exponent: Int.random(in: -20...3, using: &random), significand: 1)
        let extremes: [UInt32] = [0x7f7f_ffff, 0xff7f_8000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7f80_0001, 0xffff_ffff]
        return (0..<count).map { _ in
            switch Int.random(in: 0..<8, using: &random) {
            case 0: Float(bitPattern: Self.hard.randomElement(using: &random)!) * (extreme ? 1 : scale)
            case 1 where extreme: Float(bitPattern: extremes.randomElement(using: &random)!)
            default: Float.random(in: -1...1, using: &random) * scale
            }
        }
    }

    private func brain(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        let kept = bits & 0xffff_0000, rest = bits & 0xffff
        let isUp = rest > 0x8000 || (rest == 0x8000 && kept & 0x1_0000 != 0)
        return UInt16((kept >> 16) + (isUp ? 1 : 0))
    }

    @Test func panelsOfBF16() {
        var random = SeededRandom()
        for (outputs, inputs) in Self.shapes {
            let weights = floats(outputs * inputs, extreme: true, &random)
            var packed = [UInt16](repeating: 0xabab, count: resa_packed_count(outputs, inputs))
            for first in stride(from: 0, to: outputs, by: RESA_PANEL_COLUMNS) {
                let rows = min(RESA_PANEL_COLUMNS, outputs - first)
                resa_pack_panel(outputs, inputs, first, rows, Array(weights[(first * inputs)...]), &packed)
            }
            let pairs = (inputs + 1) / 2, padded = (outputs + 15) / 16 * 16
            var wanted = [UInt16](repeating: 0, count: padded * pairs * 2)
            for output in 0..<outputs {
                let first = output / 64 * 64, width = min(64, padded - first)
                for input in 0..<inputs {
                    wanted[first * pairs * 2 + (input / 2 * width + output - first) * 2 + input % 2] = brain(
                        weights[output * inputs + input])
                }
            }
            #expect(packed == wanted, "[\(outputs), \(inputs)]")
        }
    }

    /// Of a group turned by `resa_rotate_groups`: the scale that spans it, in f16 times the factor, and every number's nearest code.
    private func nearest(_ format: resa_quant_format, _ row: ArraySlice<Float>, factor: Float) -> (codes: [UInt8], scales: [Float]) {
        let group = Int(format.group), zero: Float = format.bits == 8 ? 128 : 8
        var codes: [UInt8] = [], scales: [Float] = []
        for start in stride(from: row.startIndex, to: row.endIndex, by: group) {
            var x = Array(row[start..<min(start + group, row.endIndex)])
            x += [Float](repeating: 0, count: group - x.count)
            if format.rotated { resa_rotate_groups(group, group, &x) }
            let most = x.map(abs).max()!
            let scale = resa_round_to_half(min(most / (zero - 1) / factor, 65504)) * factor
            let inverse = 1 / scale
            scales.append(scale / factor)
            codes += x.map { value in
                UInt8(min(max(value * (inverse.isFinite ? inverse : 0), -zero), zero - 1).rounded(.toNearestOrEven) + zero)
            }
        }
        return (codes, scales)
    }

    @Test(arguments: [(8, 32, false), (8, 32, true), (8, 64, true), (8, 128, true), (4, 32, false)])
    func nearestCodes(bits: Int, group: Int, rotated: Bool) {
        var random = SeededRandom()
        let format = resa_quant_format(bits: UInt8(bits), group: UInt8(group), minima: false, twoLevel: false, rotated: rotated)
        for (outputs, inputs) in Self.shapes {
            let weights = floats(outputs * inputs, extreme: false, &random)
            let factor = Float(sign: .plus, exponent: Int.random(in: -24 ... -8, using: &random), significand: 1)
            let groups = resa_quant_groups(format, inputs), padded = resa_quant_padded_inputs(format, inputs)
            let wanted = (0..<outputs).map { nearest(format, weights[$0 * inputs..<($0 + 1) * inputs], factor: factor) }
            for tier in Tier.all {
                var codes = [UInt8](repeating: 0xab, count: outputs * padded)
                var scales = [Float](repeating: 7, count: outputs * groups)
                codes.withUnsafeMutableBufferPointer { codes in
                    scales.withUnsafeMutableBufferPointer { scales in
                        var rows = resa_search_rows(
                            codes: codes.baseAddress!, scales: scales.baseAddress, minima: nil, superScales: nil, superMinima: nil,
                            subScales: nil, subMinima: nil)
                        resa_search_quantise(
                            tier.table, format, RESA_SEARCH_NEAREST, outputs, inputs, factor, weights, nil, &rows)
                    }
                }
                for output in 0..<outputs {
                    let place: Comment = "\(tier.testDescription), [\(outputs), \(inputs)], row \(output)"
                    #expect(Array(codes[output * padded..<(output + 1) * padded]) == wanted[output].codes, place)
                    #expect(Array(scales[output * groups..<(output + 1) * groups]) == wanted[output].scales, place)
                }
            }
        }
    }
}
