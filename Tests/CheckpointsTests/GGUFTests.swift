import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite struct GGUFTests {
    private static func open(_ builder: GGUFBytes) throws -> GGUFFile { try open(builder.bytes) }
    private static func open(_ bytes: [UInt8]) throws -> GGUFFile { try GGUFFile(OpenFile(path: "test.gguf", contents: bytes)) }

    private static var small: GGUFBytes {
        var file = GGUFBytes()
        file.add("general.architecture", "llama")
        file.addFloats("m", [2, 3], [1, 2, 3, 4, 5, 6])
        file.addFloats("v", [2], [7, 8])
        return file
    }

    @Test(arguments: [2, 3] as [UInt32])
    func readsTensors(version: UInt32) throws {
        var builder = Self.small
        builder.version = version
        let file = try Self.open(builder)
        #expect(file.metadata == ["general.architecture": .string("llama")])
        #expect(file.tensorNames == ["m", "v"])
        #expect(file.info("m")?.shape == [3, 2])
        #expect(try file.floats("m") == [1, 2, 3, 4, 5, 6])
        #expect(try file.floats("v") == [7, 8])
        var row = [Float](repeating: 0, count: 2)
        try file.expand("m", rows: 1..<2, into: &row)
        #expect(row == [3, 4])
        #expect(throws: CheckpointError.self) { _ = try file.floats("w") }
    }

    @Test func readsEveryMetadataType() throws {
        var builder = GGUFBytes()
        let values: [(UInt32, [UInt8], GGUFValue)] = [
            (0, [200], .int(200)), (1, [0x9C], .int(-100)), (2, littleEndian(UInt16(60000)), .int(60000)),
            (3, littleEndian(Int16(-3)), .int(-3)),
            (4, littleEndian(UInt32.max), .int(4_294_967_295)), (5, littleEndian(Int32.min), .int(-2_147_483_648)),
            (6, littleEndian(Float(0.1).bitPattern), .double(Double(Float(0.1)))), (7, [1], .bool(true)),
            (8, GGUFBytes.string("ß"), .string("ß")),
            (10, littleEndian(UInt64(5)), .int(5)), (10, littleEndian(UInt64.max), .uint(.max)), (11, littleEndian(Int64.min), .int(.min)),
            (12, littleEndian((0.1).bitPattern), .double(0.1)),
            (9, littleEndian(UInt32(8)) + littleEndian(UInt64(2)) + GGUFBytes.string("a") + GGUFBytes.string(""), .strings(["a", ""])),
            (9, littleEndian(UInt32(5)) + littleEndian(UInt64(2)) + littleEndian(Int32(1)) + littleEndian(Int32(-2)), .ints([1, -2])),
            (9, littleEndian(UInt32(6)) + littleEndian(UInt64(1)) + littleEndian(Float(0.5).bitPattern), .doubles([0.5])),
            (9, littleEndian(UInt32(7)) + littleEndian(UInt64(2)) + [0, 1], .bools([false, true])),
            (
                9, littleEndian(UInt32(9)) + littleEndian(UInt64(1)) + littleEndian(UInt32(0)) + littleEndian(UInt64(1)) + [3],
                .arrays([.ints([3])])
            ),
            (9, littleEndian(UInt32(4)) + littleEndian(UInt64(0)), .ints([])),
        ]
        for (index, value) in values.enumerated() { builder.keyValues.append(("k\(index)", value.0, value.1)) }
        let file = try Self.open(builder)
        for (index, value) in values.enumerated() { #expect(file.metadata["k\(index)"] == value.2, "type \(value.0)") }
        #expect(file.metadata["k0"]?.intValue == 200)
        #expect(file.metadata["k6"]?.doubleValue == Double(Float(0.1)))
        #expect(file.metadata["k10"]?.intValue == nil)
        #expect(file.metadata["k13"]?.stringsValue == ["a", ""])
    }

    @Test func honoursAlignment() throws {
        var builder = GGUFBytes()
        builder.alignment = 256
        builder.add("general.alignment", 256 as UInt32)
        builder.addFloats("a", [1], [1])
        builder.addFloats("b", [1], [2])
        let file = try Self.open(builder)
        #expect(try file.floats("a") == [1])
        #expect(try file.floats("b") == [2])
        #expect((file.info("b")?.byteRange.lowerBound ?? 1) % 256 == 0)
    }

    @Test func refusesEveryCut() throws {
        let bytes = Self.small.bytes
        for length in 0..<bytes.count {
            #expect(throws: CheckpointError.self, "cut to \(length) bytes") { _ = try Self.open(Array(bytes[..<length])) }
        }
        // Trailing bytes are padding.
        #expect(try Self.open(bytes + [0, 0]).floats("v") == [7, 8])
    }

    @Test func refusesHeaders() {
        expectRefusal("GGUF") { $0 = Array("GGML".utf8) + $0.dropFirst(4) }
        expectRefusal("big-endian") { $0[4...7] = [0, 0, 0, 3] }
        expectRefusal("version 1") { $0[4] = 1 }
        expectRefusal("version 4") { $0[4] = 4 }
        for count in [UInt64.max, 1 << 62, 1000] {
            expectRefusal("tensor count") { $0.replaceSubrange(8..<16, with: littleEndian(count)) }
            expectRefusal("key-value count") { $0.replaceSubrange(16..<24, with: littleEndian(count)) }
            expectRefusal("length of key 0") { $0.replaceSubrange(24..<32, with: littleEndian(count)) }
        }
        expectRefusal("no UTF-8") { $0[33] = 0xFF }
    }

    private func expectRefusal(_ reason: String, _ change: (inout [UInt8]) -> Void) {
        var bytes = Self.small.bytes
        change(&bytes)
        #expect { _ = try Self.open(bytes) } throws: { $0 is CheckpointError && "\($0)".contains("test.gguf") && "\($0)".contains(reason) }
    }

    @Test func refusesStructures() {
        expectRefused("it twice") { $0.add("general.architecture", "x") }
        expectRefused("it twice") { $0.addFloats("m", [1], [1]) }
        expectRefused("a value type from 0 to 12") { $0.keyValues.append(("k", 13, [])) }
        expectRefused("a boolean") { $0.keyValues.append(("k", 7, [2])) }
        for count in [UInt64.max, 1 << 61, 1 << 33] {
            expectRefused("length of key k") { $0.add("k", arrayOf: 8, count: count, []) }
            expectRefused("length of key k") { $0.add("k", arrayOf: 0, count: count, []) }
            expectRefused("length of key k") { $0.keyValues.append(("k", 8, littleEndian(count))) }
        }
        expectRefused("nested more than") {
            $0.add("k", arrayOf: 9, count: 1, (0..<6).flatMap { _ in littleEndian(UInt32(9)) + littleEndian(UInt64(1)) })
        }
        for alignment in [0, 3, 1 << 30] as [UInt32] { expectRefused("power of two") { $0.add("general.alignment", alignment) } }
        expectRefused("split into 3") { $0.add("split.count", 3 as UInt32) }
        expectRefused("5 dimensions") { $0.tensors.append(("t", [1, 1, 1, 1, 1], 0, 0)) }
        expectRefused("fits in memory") { $0.tensors.append(("t", [1 << 40, 1 << 40], 0, 0)) }
        expectRefused("fits in memory") { $0.tensors.append(("t", [.max], 0, 0)) }
        expectRefused("fits in memory") { $0.tensors.append(("t", [1 << 40, 1 << 40, 0], 0, 0)) }
        expectRefused("multiple of Q4_0's block, 32") { $0.tensors.append(("t", [33], 2, 0)) }
        expectRefused("multiple of Q6_K's block, 256") { $0.tensors.append(("t", [32, 8], 14, 0)) }
        expectRefused("GGUF type number 4") { $0.tensors.append(("t", [1], 4, 0)) }
        expectRefused("GGUF type number 4294967295") { $0.tensors.append(("t", [1], .max, 0)) }
        expectRefused("multiple of the alignment") { $0.tensors.append(("t", [1], 0, 4)) }
    }

    private func expectRefused(_ reason: String, _ change: (inout GGUFBytes) -> Void) {
        var builder = Self.small
        change(&builder)
        #expect { _ = try Self.open(builder) } throws: {
            $0 is CheckpointError && "\($0)".contains("test.gguf") && "\($0)".contains(reason)
        }
    }

    @Test func refusesDataRanges() {
        expectRefused("may be cut short") { $0.tensors.append(("t", [1], 0, 1 << 20)) }
        expectRefused("offset 18446744073709551584") { $0.tensors.append(("t", [1], 0, .max - 31)) }
        expectRefused("may be cut short") { $0.tensors.append(("t", [1], 0, UInt64(Int64.max) - 31)) }
        expectRefused("overlap those of m") { $0.tensors.append(("t", [1], 0, 0)) }
    }

    @Test func listsTypesItCannotExpand() throws {
        var builder = GGUFBytes()
        builder.tensors.append(("t", [256, 2], 11, 0))
        builder.data = [UInt8](repeating: 0, count: 220)
        let file = try Self.open(builder)
        #expect(file.info("t")?.type == .q3K)
        #expect { _ = try file.floats("t") } throws: {
            "\($0)".contains("stored as Q3_K; readable types are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K")
        }
    }

    @Test func cutsVectorsOfBlocksAtBlocksOnly() throws {
        var builder = GGUFBytes()
        builder.tensors.append(("t", [64], 8, 0))
        builder.data = [UInt8](repeating: 0, count: 68)
        let file = try Self.open(builder)
        var values = [Float](repeating: 1, count: 64)
        try file.expand("t", rows: 32..<64, into: &values)
        #expect(values == [Float](repeating: 0, count: 32) + [Float](repeating: 1, count: 32))
        #expect { try file.expand("t", rows: 1..<33, into: &values) } throws: { "\($0)".contains("multiples of the Q8_0 block") }
    }
}
