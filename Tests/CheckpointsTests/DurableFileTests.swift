import Foundation
import Testing

@testable import Checkpoints

private enum Refusal: FileFailure, Equatable {
    case system(path: String, doing: String, reason: String)
    case exists(path: String)
    case badSource(path: String, problem: String)
    case malformed(file: String, what: String, got: String, wanted: String)
}

/// Files that are whole or not there, and files that grow by whole pieces.
@Suite struct DurableFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "resa-files-\(UUID().uuidString)").path

    private func inFolder(_ body: () throws -> Void) throws {
        try DurableFolder<Refusal>.make(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body()
    }

    private func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: folder + "/" + name).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func wholeOrNotAtAll() throws {
        try inFolder {
            try Data("left by a killed process, and longer than what follows".utf8).write(to: URL(fileURLWithPath: folder + "/a.partial"))
            do {
                let file = try DurableFile<Refusal>(folder + "/a")
                try file.write(Array("one".utf8))
                #expect(text("a") == nil && text("a.partial") == "one")
                try file.commit()
            }
            #expect(text("a") == "one" && text("a.partial") == nil)
            do {
                let file = try DurableFile<Refusal>(folder + "/a")
                try file.write(Array("two".utf8))
            }
            #expect(text("a") == "one" && text("a.partial") == nil)
            #expect(try DurableFolder<Refusal>.names(folder) == ["a"])
            let error = #expect(throws: Refusal.self) { _ = try DurableFile<Refusal>(folder + "/none/a") }
            #expect(error == .system(path: folder + "/none/a.partial", doing: "making it", reason: "No such file or directory"))
        }
    }

    @Test func noLinkIsFollowed() throws {
        try inFolder {
            try FileManager.default.createSymbolicLink(atPath: folder + "/a.partial", withDestinationPath: folder + "/elsewhere")
            #expect(throws: Refusal.self) { _ = try DurableFile<Refusal>(folder + "/a") }
            #expect(text("elsewhere") == nil)
        }
    }

    @Test func growsByWholePieces() throws {
        try inFolder {
            do {
                let file = try AppendingFile<Refusal>(folder + "/log")
                try file.append(Array("one\n".utf8))
                try file.append(Array("two\nthr".utf8))
                #expect(file.length == 11)
                try file.truncate(to: 8)
                try file.append(Array("three\n".utf8))
                try file.sync()
            }
            #expect(text("log") == "one\ntwo\nthree\n")
            #expect(try AppendingFile<Refusal>(folder + "/log").length == 14)
            try FileManager.default.createSymbolicLink(atPath: folder + "/device", withDestinationPath: "/dev/null")
            let error = #expect(throws: Refusal.self) { _ = try AppendingFile<Refusal>(folder + "/device") }
            #expect(error == .badSource(path: folder + "/device", problem: "it is no regular file"))
        }
    }

    @Test func tensorsAreReadBack() throws {
        try inFolder {
            let path = folder + "/t.safetensors"
            let values: [Float] = [1, -2.5, 3, 4, 0.1, 6]
            let writer = try TensorFileWriter<Refusal>(
                path: path,
                entries: [.init(name: "a", type: .f32, shape: [2, 3]), .init(name: "b", type: .bf16, shape: [6])],
                metadata: [("format", "pt")])
            try writer.write(values)
            try values.withUnsafeBufferPointer { try writer.writeBF16($0.baseAddress!, count: 6) }
            #expect(!FileManager.default.fileExists(atPath: path))
            try writer.commit()
            let file = try SafetensorsFile(path: path)
            #expect(try file.floats("a") == values && file.info("a")?.shape == [2, 3] && file.metadata["format"] == "pt")
            // 0.1 in bf16, rounded to nearest: 0x3DCD.
            #expect(try file.floats("b") == [1, -2.5, 3, 4, Float(bitPattern: 0x3DCD_0000), 6])
        }
    }
}
