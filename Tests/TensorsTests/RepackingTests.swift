import Tensors
import TestRandomness
import Testing

/// Stored blocks keep every value in the formats that hold them.
@Suite struct RepackingTests {
    private static let types: [ElementExpansion] = [.q8_0, .q5_0, .q4_0, .q5_1, .q4_1, .q4_K, .q5_K]
    private static let cases = types.flatMap { type in QuantisedFormat.exact.filter { $0.holds(type) }.map { (type, $0) } }

    /// Every byte below 0x40, so that no f16 is an infinity, with signs put in at random.
    private func blocks(_ type: ElementExpansion, count: Int, _ random: inout SeededRandom) -> [UInt8] {
        (0..<count).flatMap { _ in
            var block = (0..<type.blockBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
            for index in [1, 3] { block[index] = UInt8.random(in: 0..<0x40, using: &random) | (Bool.random(using: &random) ? 0x80 : 0) }
            return block
        }
    }

    @Test(arguments: cases) func keepsEveryValue(_ type: ElementExpansion, _ format: QuantisedFormat) throws {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2)
        for (outputs, inputs) in [(1, 256), (33, 512), (150, 768)] {
            let rowBytes = inputs / type.blockElements * type.blockBytes
            let stored = blocks(type, count: outputs * inputs / type.blockElements, &random)
            let matrix = try PackedMatrix(repacking: format, outputs: outputs, inputs: inputs, pool: pool) { range, rows in
                stored.withUnsafeBytes { bytes in
                    for (index, row) in range.enumerated() { rows.repack(type, from: bytes.baseAddress! + row * rowBytes, row: index) }
                }
            }
            var wanted = [Float](repeating: 0, count: inputs)
            var got = wanted
            for row in 0..<outputs {
                stored.withUnsafeBytes {
                    ElementExpansion.expand(type, from: $0.baseAddress! + row * rowBytes, count: inputs, into: &wanted)
                }
                matrix.copyRow(row, into: &got)
                // Equal numbers; a zero may have the other sign.
                #expect(got == wanted, "\(type.rawValue) in \(format), row \(row) of [\(outputs), \(inputs)]")
                let native = QuantisedFormat.holding([type]) == format
                if native { expectSameBits(got.map { $0 + 0 }, wanted.map { $0 + 0 }) }
            }
        }
    }

    @Test func everyTypeButQ6KHasAFormat() {
        let formats = Self.types.map { QuantisedFormat.holding([$0])?.description }
        #expect(
            formats == [
                "int8 g32", "int8 g32", "int4 g32", "int8 g32 with minima", "int4 g32 with minima", "int4 g32 two-level",
                "int8 g32 two-level",
            ])
        #expect(QuantisedFormat.holding([.q6_K]) == nil)
        #expect(QuantisedFormat.holding([.q4_0, .q4_1, .q8_0]) == .int8Group32Minima)
        #expect(QuantisedFormat.holding([.q4_K, .q5_K]) == .int8TwoLevel)
        #expect(QuantisedFormat.holding([.q4_K, .q8_0]) == nil)
    }
}
