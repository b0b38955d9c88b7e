import Checkpoints
import Foundation
import TestSupport
import Testing

/// Files that change under their reader: an error, never a signal, and never a value that stands for what was there.
@Suite struct OpenFileTests {
    @Test func readsAnyPart() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let file = try OpenFile(path: try folder.write(bytes, to: "f"))
        #expect(file.count == 5000 && file.isUnchanged)
        for range in [0..<5000, 0..<0, 4999..<5000, 17..<4100] { #expect(try file.bytes(range) == Array(bytes[range])) }
        for range in [0..<5001, 5000..<5001, 6000..<6000, -1..<2] {
            #expect(throws: CheckpointError.self, "\(range)") { _ = try file.bytes(range) }
        }
    }

    @Test func bytesInMemoryPassForAFile() throws {
        let file = OpenFile(path: "name", contents: [1, 2, 3])
        #expect(file.path == "name" && file.count == 3 && file.isUnchanged)
        #expect(try file.bytes(1..<3) == [2, 3])
        #expect(throws: CheckpointError.self) { _ = try file.bytes(1..<4) }
        #expect(try OpenFile(path: "name", contents: []).bytes(0..<0).isEmpty)
    }

    /// What `cp new old` and `open(path, 'wb')` do.
    private static func overwrite(_ path: String, with bytes: [UInt8]) {
        let descriptor = open(path, O_WRONLY | O_TRUNC)
        bytes.withUnsafeBytes { _ = write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    @Test func cutShortIsAnError() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([UInt8](repeating: 7, count: 1 << 20), to: "f")
        let file = try OpenFile(path: path)
        #expect(try file.bytes(0..<file.count).last == 7)
        Self.overwrite(path, with: [1, 2, 3])
        #expect { _ = try file.bytes(0..<file.count) } throws: { "\($0)".contains("ends at byte 3") }
        #expect(!file.isUnchanged)
    }

    @Test func aFileThatTookTheNameIsAnother() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([UInt8](repeating: 7, count: 100), to: "f")
        let file = try OpenFile(path: path)
        let other = try folder.write([UInt8](repeating: 8, count: 10), to: "g")
        #expect(rename(other, path) == 0)
        #expect(try file.bytes(0..<100) == [UInt8](repeating: 7, count: 100))
        #expect(file.isUnchanged && file.stamp?.isCurrent == false)
    }

    /// Every way of reading a tensor, of both formats.
    @Test(arguments: ["safetensors", "gguf"]) func tensorsOfACutFile(_ format: String) throws {
        let folder = try TemporaryFolder()
        let values = (0..<256 * 32).map { Float($0) }
        let content: [UInt8]
        if format == "gguf" {
            var builder = GGUFBytes()
            builder.addFloats("t", [32, 256], values)
            content = builder.bytes
        } else {
            content = Array(SafetensorsBytes.file([("t", [256, 32], values)]))
        }
        let path = try folder.write(content, to: "x.\(format)")
        let source: any TensorSource = format == "gguf" ? try GGUFFile(path: path) : try SafetensorsFile(path: path)
        #expect(try source.floats("t") == values)
        try source.refuseChanged()
        Self.overwrite(path, with: Array(content[..<(content.count / 2)]))
        #expect(throws: CheckpointError.self) { _ = try source.floats("t") }
        #expect(throws: CheckpointError.self) { _ = try source.storedBytes("t") }
        #expect(throws: CheckpointError.self) { try source.copy("t") { _ in } }
        #expect { try source.refuseChanged() } throws: { "\($0)".contains("changed while it was read") }
        // What is there still can be read, and nothing that is not.
        var row = [Float](repeating: 0, count: 32)
        try source.expand("t", rows: 3..<4, into: &row)
        #expect(row == Array(values[96..<128]))
        #expect(throws: CheckpointError.self) { try source.expand("t", rows: 255..<256, into: &row) }
    }

    @Test func digestsOfACutFile() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([UInt8](repeating: 7, count: 3 << 20), to: "f")
        let file = try OpenFile(path: path)
        Self.overwrite(path, with: [7])
        #expect(throws: CheckpointError.self) { _ = try ContentDigest(of: [file], pool: .init(threads: 2)) }
    }
}
