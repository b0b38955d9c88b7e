import Checkpoints
import Foundation
import TestSupport
import Testing

/// Files that `safetensors`, `gguf` and llama.cpp wrote, against what the first two read back (Tests/Reference/goldens_checkpoints.py).
@Suite struct ReferenceTests {
    private func folder() throws -> URL { try ReferenceAnswers.folder("checkpoints") }

    private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

    @Test func safetensorsTypes() throws {
        let file = try SafetensorsFile(path: folder().appendingPathComponent("types.safetensors").path)
        let expected = try SafetensorsFile(path: folder().appendingPathComponent("types-expected.safetensors").path)
        #expect(expected.tensorNames.count == 8)
        for name in expected.tensorNames {
            #expect(file.info(name)?.shape == expected.info(name)?.shape, "\(name)")
            #expect(bits(try file.floats(name)) == bits(try expected.floats(name)), "\(name)")
        }
        #expect(file.metadata == ["format": "pt"])
        #expect(file.info("cube")?.rowLength == 12)
        for (name, type) in [("i64", ElementType.i64), ("u8", .u8), ("bool", .bool)] {
            #expect(file.info(name)?.type == type)
            #expect(throws: CheckpointError.self) { _ = try file.floats(name) }
        }
    }

    @Test func ggufTypes() throws {
        let file = try GGUFFile(path: folder().appendingPathComponent("types.gguf").path)
        let expected = try SafetensorsFile(path: folder().appendingPathComponent("types-gguf-expected.safetensors").path)
        #expect(expected.tensorNames.count == 11)
        for name in expected.tensorNames {
            #expect(file.info(name)?.type.rawValue == name)
            #expect(file.info(name)?.shape == expected.info(name)?.shape, "\(name)")
            #expect(bits(try file.floats(name)) == bits(try expected.floats(name)), "\(name)")
            var row = [Float](repeating: .nan, count: 512)
            try file.expand(name, rows: 1..<2, into: &row)
            #expect(bits(row) == bits(Array(try expected.floats(name)[512..<1024])), "\(name)")
        }
        #expect(file.info("Q3_K")?.shape == [2, 256])
        #expect(throws: CheckpointError.self) { _ = try file.floats("Q3_K") }
    }

    @Test func ggufMetadata() throws {
        let metadata = try GGUFFile(path: folder().appendingPathComponent("types.gguf").path).metadata
        let expected: [String: GGUFValue] = [
            "general.architecture": .string("llama"), "general.alignment": .int(64), "test.uint8": .int(200), "test.int8": .int(-100),
            "test.uint16": .int(60000), "test.int16": .int(-30000), "test.uint32": .int(4_000_000_000), "test.int32": .int(-2_000_000_000),
            "test.uint64": .uint(.max), "test.int64": .int(.min), "test.float32": .double(Double(Float(0.1))), "test.float64": .double(0.1),
            "test.bool": .bool(true), "test.string": .string("Größe 大 🙂"), "test.strings": .strings(["a", "", "ß"]),
            "test.ints": .ints([1, -2, 3]), "test.floats": .doubles([0.5, -1.25]), "test.bools": .bools([true, false]),
        ]
        #expect(metadata == expected)
    }

    /// Q4_1 blocks, a Q8_0 embedding and F32 norms, as llama.cpp wrote them: the ends of every tensor, bit for bit.
    @Test func defaultModel() throws {
        let file = try GGUFFile(path: ReferenceAnswers.defaultModel().path)
        let expected = try SafetensorsFile(path: folder().appendingPathComponent("smollm2-expected.safetensors").path)
        #expect(file.tensorNames.count == 272)
        #expect(expected.tensorNames.count == 2 * file.tensorNames.count)
        for name in file.tensorNames {
            let info = try #require(file.info(name))
            var row = [Float](repeating: .nan, count: info.rowLength)
            try file.expand(name, rows: 0..<1, into: &row)
            #expect(bits(row) == bits(try expected.floats("\(name):first")), "\(name)")
            try file.expand(name, rows: info.rows - 1..<info.rows, into: &row)
            #expect(bits(row) == bits(try expected.floats("\(name):last")), "\(name)")
        }
        #expect(file.metadata["tokenizer.ggml.tokens"]?.stringsValue?.count == 49152)
        #expect(file.metadata["llama.attention.layer_norm_rms_epsilon"]?.doubleValue.map { Float($0) } == 1e-5)
    }
}
