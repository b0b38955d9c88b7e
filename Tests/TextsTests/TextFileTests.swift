import Foundation
import Testing
import Texts

/// Files read as one text.
@Suite struct TextFileTests {
    private func read(_ text: String, as name: String, rows: Int? = nil) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-text-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        return try TextFile.read(file.path, rows: rows)
    }

    private static let rows = """
        {"text": "a\\nb", "question": "no"}\r

        {"question": "q", "answer": "a"}
        {"problem": "p", "solution": "s"}
        {"problem": "alone"}
        """

    @Test func plainTextStaysAsItIs() throws {
        #expect(try read(Self.rows, as: "a.txt") == Self.rows)
        #expect(try read("", as: "a.jsonl") == "")
    }

    @Test func rowsBecomeLines() throws {
        #expect(try read(Self.rows, as: "a.jsonl") == "a\nb\nq\na\np\ns\nalone\n")
        #expect(try read(Self.rows, as: "a.jsonl", rows: 2) == "a\nb\nq\na\n")
    }

    @Test func whatIsWrongIsTold() {
        #expect(throws: RowWithoutText.self) { try read("{\"text\": \"a\"}\n{\"answer\": \"a\"}", as: "a.jsonl") }
        #expect { try read("{\"text\": \"a\"}\n\n{\"text\": 7}", as: "a.jsonl") } throws: { ($0 as? RowWithoutText)?.row == 2 }
        #expect(throws: (any Error).self) { try read("nonsense", as: "a.jsonl") }
        #expect(throws: UnreadableText(path: "/nowhere/a.txt")) { try TextFile.read("/nowhere/a.txt") }
    }
}
