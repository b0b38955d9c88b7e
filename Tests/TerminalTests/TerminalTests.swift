import Foundation
import Terminal
import Testing

/// What is said on a terminal, and where it goes.
@Suite struct TerminalTests {
    @Test func whatATerminalWouldObeyIsShown() {
        #expect("plain, ünï, 漢字 👩‍🚀".harmless() == "plain, ünï, 漢字 👩‍🚀")
        #expect("\u{1B}[31mred\u{7}\r\n\t".harmless() == "\\u001b[31mred\\u0007\\r\\n\\t")
        #expect("a\tb\nc".harmless(keeping: "\t\n") == "a\tb\nc")
        #expect("\u{9B}\u{202E}\u{2028}\u{7F}".harmless() == "\\u009b\\u202e\\u2028\\u007f")
        #expect("\u{E0041}".harmless() == "\\udb40\\udc41")
    }

    @Test func quantities() {
        #expect(
            [0, 999, 1000, 12_345, 999_949, 5_000_000_000].map(Quantity.bytes) == [
                "0 B", "999 B", "1.00 kB", "12.3 kB", "999.9 kB", "5.00 GB",
            ])
        #expect([7, 1_500_000, 2_340_000_000].map(Quantity.count) == ["7", "1.5 M", "2.34 B"])
    }

    @Test func filesAreReplacedWhole() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-terminal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("out").path
        try OutputFile.write("first, and longer", to: path)
        try OutputFile.write("second", to: path)
        #expect(try InputFile.text(path) == "second")
        // A device is written to, and stays one.
        try OutputFile.write("gone", to: "/dev/null")
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
        #expect(throws: CommandError.self) { try OutputFile.write("x", to: folder.path + "/nowhere/out") }
        #expect(throws: CommandError.self) { try InputFile.text(folder.path + "/nothing") }
        try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: path))
        #expect(throws: CommandError.self) { try InputFile.text(path) }
    }

    /// Lines that find room are written in order; the others are dropped, and counted where they would have stood.
    @Test func aFullReaderHoldsNobodyUp() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let writer = LogWriter(descriptor: ends[1], limit: 64)
        let line = String(repeating: "x", count: 999) + "\n"
        // More than a pipe takes: each is longer than the limit, so it finds no room.
        for _ in 0..<3 { writer.write(line) }
        writer.write("kept\n")
        writer.flush(seconds: 600)
        close(ends[1])
        var got = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count <= 0 { break }
            got += buffer[..<count]
        }
        close(ends[0])
        let text = String(decoding: got, as: UTF8.self)
        let dropped = text.split(separator: "\n").compactMap { line in
            line.contains("lines were dropped") ? line.split(separator: " ").compactMap { Int($0) }.first : nil
        }
        #expect(text.contains("kept\n") && dropped.reduce(0, +) == 3)
        #expect(!text.contains("xxx"))
    }
}
