import Foundation
import Tensors
import TestRandomness
import Testing

/// Against PyPI `gguf`'s dequantisation, bit for bit (Tests/Reference/make_block_golden.py), and some formulas by hand.
@Suite struct ElementExpansionTests {
    private struct Golden: Decodable {
        let bytes, values: Data
    }

    private static func goldens() throws -> [String: Golden] {
        let file = URL(filePath: #filePath).appending(path: "../../Fixtures/blocks.json").standardized
        return try JSONDecoder().decode([String: Golden].self, from: Data(contentsOf: file))
    }

    private func expand(_ type: ElementExpansion, _ bytes: Data, count: Int) -> [Float] {
        // One byte off any alignment.
        let shifted = [0] + [UInt8](bytes)
        var out = [Float](repeating: .nan, count: count + 1)
        shifted.withUnsafeBytes { ElementExpansion.expand(type, from: $0.baseAddress! + 1, count: count, into: &out) }
        #expect(out[count].isNaN, "wrote past the end")
        return Array(out.prefix(count))
    }

    @Test(arguments: ElementExpansion.allCases.filter { $0 != .f32 }) func equalsReference(_ type: ElementExpansion) throws {
        let golden = try #require(try Self.goldens()[type.rawValue])
        let wanted = golden.values.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        try #require(golden.bytes.count == wanted.count / type.blockElements * type.blockBytes)
        try #require(wanted.count >= 2 * type.blockElements)
        expectSameBits(expand(type, golden.bytes, count: wanted.count), wanted)
    }

    /// All 65536 bit patterns of f16, by the definition of the format.
    @Test func everyHalf() {
        let bytes = (0..<65536).reduce(into: Data()) { data, pattern in withUnsafeBytes(of: UInt16(pattern)) { data.append(contentsOf: $0) }
        }
        let got = expand(.f16, bytes, count: 65536)
        for pattern in 0..<65536 {
            let (exponent, mantissa) = (pattern >> 10 & 31, Float(pattern & 1023))
            let magnitude: Float =
                switch exponent {
                case 0: mantissa * 0x1p-24
                case 31: mantissa == 0 ? .infinity : .nan
                default: (1 + mantissa / 1024) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
                }
            let wanted = pattern & 0x8000 == 0 ? magnitude : -magnitude
            #expect(wanted.isNaN ? got[pattern].isNaN : got[pattern].bitPattern == wanted.bitPattern, "pattern \(pattern)")
        }
    }

    @Test func floats() {
        let values: [Float] = [0, -0.0, 1.5, .infinity, .leastNonzeroMagnitude]
        expectSameBits(expand(.f32, values.withUnsafeBytes { Data($0) }, count: 5), values)
        #expect(expand(.bf16, Data([0x80, 0x3f, 0xc0, 0xbf]), count: 2) == [1, -1.5])
    }

    /// Hostile bytes give numbers, infinities or NaN, and end.
    @Test(arguments: ElementExpansion.allCases) func anyBytes(_ type: ElementExpansion) {
        var random = SeededRandom()
        let count = 4 * type.blockElements
        for fill: UInt8? in [nil, 0, 0xff, 0x7f, 0x80] {
            let bytes = Data((0..<4 * type.blockBytes).map { _ in fill ?? UInt8.random(in: 0...255, using: &random) })
            #expect(expand(type, bytes, count: count).count == count)
        }
        #expect(expand(type, Data(), count: 0).isEmpty)
    }

    /// Elements are finite where what they expand to is: of blocks with an infinite scale nothing is.
    @Test(arguments: ElementExpansion.allCases) func finiteElementsExpandToFiniteNumbers(_ type: ElementExpansion) {
        var random = SeededRandom()
        var odd = 0
        for _ in 0..<4000 {
            var bytes = (0..<2 * type.blockBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Half of the time an exponent of all ones somewhere.
            if Bool.random(using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = [0x7c, 0xfc, 0x7f, 0xff].randomElement(using: &random)!
            }
            let count = 2 * type.blockElements
            var values = [Float](repeating: 0, count: count)
            ElementExpansion.expand(type, from: bytes, count: count, into: &values)
            let finite = values.allSatisfy(\.isFinite)
            #expect(ElementExpansion.areFinite(type, bytes, count: count) == finite, "\(type.rawValue): \(bytes)")
            if !finite { odd += 1 }
        }
        #expect(odd > 0)
    }
}
