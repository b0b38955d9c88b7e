import Tensors
import TestRandomness
import Testing

/// Packing straight from stored floats gives the bits that packing rows in f32 gives.
@Suite struct StoredPackingTests {
    /// Slices are 512 inputs, strips 64, panels 64 and 32 rows.
    private static let shapes = [
        (1, 1), (3, 2), (16, 7), (33, 31), (64, 32), (65, 32), (130, 33), (200, 64), (31, 512), (40, 513), (96, 1000), (5, 1025),
        (70, 1536),
    ]
    private static let formats: [MatrixFormat] =
        [.f32, .bf16]
        + [.int8Group32, .int8Rotated(inputs: 32), .int8Group64Rotated, .int8Group128Rotated, .int4Group32].map { .quantised($0) }

    /// A matrix as a file may hold it: at an odd address, its rows backwards.
    private struct Stored {
        let type: ElementExpansion
        let (outputs, inputs): (Int, Int)
        var bytes: [UInt8]

        init(_ type: ElementExpansion, _ outputs: Int, _ inputs: Int, using random: inout SeededRandom) {
            (self.type, self.outputs, self.inputs) = (type, outputs, inputs)
            bytes = [0]
            let exponents: ClosedRange<UInt32> = Bool.random(using: &random) ? 0...0xfe : 110...130
            for _ in 0..<outputs * inputs {
                // Denormals, zeros of both signs, ties, and in every other matrix numbers up to the largest.
                let special = Int.random(in: 0..<8, using: &random)
                let sign = UInt32.random(in: 0...1, using: &random) << 31
                let exponent = special == 0 ? 0 : UInt32.random(in: exponents, using: &random)
                let fractions: [UInt32] = [0, 0x8000, 0x1_8000, 0x1000, 0x3000, 0x7f_ffff]
                let fraction = special < 2 ? fractions.randomElement(using: &random)! : UInt32.random(in: 0...0x7f_ffff, using: &random)
                let bits = sign | exponent << 23 | fraction
                switch type {
                case .f32: append(bits, 4)
                case .bf16: append(bits >> 16, 2)
                default:
                    let half = UInt32.random(in: 0...0xffff, using: &random)
                    append(half & 0x7c00 == 0x7c00 ? half & 0x83ff : half, 2)
                }
            }
        }

        private mutating func append(_ bits: UInt32, _ count: Int) {
            for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * index))) }
        }

        private func place(_ row: Int) -> Int { 1 + (outputs - 1 - row) * inputs * type.blockBytes }

        mutating func put(_ element: [UInt8], row: Int, column: Int) {
            let start = place(row) + column * type.blockBytes
            bytes.replaceSubrange(start..<start + type.blockBytes, with: element)
        }

        func packed(_ format: MatrixFormat, pool: WorkerPool) -> PackedMatrix? {
            bytes.withUnsafeBytes { bytes in
                PackedMatrix(stored: type, format: format, outputs: outputs, inputs: inputs, storage: dirty(format), pool: pool) {
                    bytes.baseAddress! + place($0)
                }
            }
        }

        func filled(_ format: MatrixFormat, pool: WorkerPool) throws -> PackedMatrix {
            try PackedMatrix(format: format, outputs: outputs, inputs: inputs, storage: dirty(format), pool: pool) { range, rows in
                bytes.withUnsafeBytes { bytes in
                    for (index, row) in range.enumerated() {
                        ElementExpansion.expand(type, from: bytes.baseAddress! + place(row), count: inputs, into: rows + index * inputs)
                    }
                }
            }
        }

        /// Memory that something lay in before.
        private func dirty(_ format: MatrixFormat) -> WeightStorage {
            let storage = WeightStorage(byteCount: format.byteCount(outputs: outputs, inputs: inputs))
            storage.pointer.initializeMemory(as: UInt8.self, repeating: 0xab, count: storage.byteCount)
            return storage
        }
    }

    @Test(arguments: [ElementExpansion.f32, .f16, .bf16]) func givesTheSameBits(_ type: ElementExpansion) throws {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2)
        for (outputs, inputs) in Self.shapes {
            let stored = Stored(type, outputs, inputs, using: &random)
            for format in Self.formats {
                let place = Comment(rawValue: "\(type.rawValue) as \(format), [\(outputs), \(inputs)]")
                let wanted = try stored.filled(format, pool: pool)
                guard let got = stored.packed(format, pool: pool) else {
                    Issue.record("\(place): refused")
                    continue
                }
                #expect(got.factor == wanted.factor, place)
                #expect(got.storage.byteCount == wanted.storage.byteCount, place)
                let isEqual = (0..<got.storage.byteCount).allSatisfy {
                    got.storage.pointer.load(fromByteOffset: $0, as: UInt8.self)
                        == wanted.storage.pointer.load(fromByteOffset: $0, as: UInt8.self)
                }
                #expect(isEqual, place)
            }
        }
    }

    @Test func refusesWhatIsNoNumber() {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2)
        // Infinities, quiet and signalling NaN; the largest finite numbers go through.
        let elements: [(ElementExpansion, [[UInt8]], [UInt8])] = [
            (.f32, [[0, 0, 0x80, 0x7f], [0, 0, 0x80, 0xff], [0, 0, 0xc0, 0x7f], [1, 0, 0x80, 0xff]], [0xff, 0xff, 0x7f, 0x7f]),
            (.f16, [[0, 0x7c], [0, 0xfc], [0, 0x7e], [1, 0xfc]], [0xff, 0x7b]),
            (.bf16, [[0x80, 0x7f], [0x80, 0xff], [0xc0, 0x7f], [0x81, 0xff]], [0x7f, 0x7f]),
        ]
        for (type, bad, good) in elements {
            for (outputs, inputs) in [(1, 1), (65, 33), (40, 513)] {
                let places = [
                    (0, 0), (outputs - 1, inputs - 1),
                    (Int.random(in: 0..<outputs, using: &random), Int.random(in: 0..<inputs, using: &random)),
                ]
                for ((row, column), format) in places.flatMap({ place in Self.formats.map { (place, $0) } }) {
                    var stored = Stored(type, outputs, inputs, using: &random)
                    stored.put(good, row: row, column: column)
                    #expect(stored.packed(format, pool: pool) != nil, "\(type.rawValue) as \(format)")
                    stored.put(bad.randomElement(using: &random)!, row: row, column: column)
                    #expect(stored.packed(format, pool: pool) == nil, "\(type.rawValue) as \(format), row \(row), column \(column)")
                }
            }
        }
    }

    @Test func leavesBlocksAndMinimaToOthers() {
        let bytes = [UInt8](repeating: 0, count: 34)
        bytes.withUnsafeBytes { bytes in
            let start = bytes.baseAddress!
            func packed(_ type: ElementExpansion, _ format: MatrixFormat, inputs: Int) -> PackedMatrix? {
                PackedMatrix(stored: type, format: format, outputs: 1, inputs: inputs, pool: WorkerPool(threads: 1)) { _ in start }
            }
            #expect(packed(.q8_0, .bf16, inputs: 32) == nil)
            #expect(packed(.bf16, .quantised(.int8TwoLevel), inputs: 16) == nil)
            #expect(packed(.bf16, .quantised(.int8Group32Minima), inputs: 16) == nil)
            #expect(packed(.bf16, .bf16, inputs: 0) == nil)
        }
    }
}
