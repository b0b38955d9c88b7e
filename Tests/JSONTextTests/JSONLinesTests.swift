import JSONText
import Testing

/// Lines, blank ones among them, and their numbers.
@Suite struct JSONLinesTests {
    private func rows(_ text: String, limit: Int? = nil) throws -> [String] {
        try JSONLines.map(Array(text.utf8), limit: limit) { row in "\(row.line) \(try row.json())" }
    }

    @Test func blankLinesCountAndAreNoRows() throws {
        let read = try JSONLines.map(Array("\n1\r\n \t\r\n\"two\"\n\n3".utf8)) { row in (row.line, try row.json()) }
        #expect(read.map(\.0) == [2, 4, 6])
        #expect(read.map(\.1) == [.int(1), .string("two"), .int(3)])
        #expect(try rows("").isEmpty && rows("\n \n\t\r\n").isEmpty)
    }

    @Test func onlyAsManyAsAreAskedFor() throws {
        #expect(try rows("1\n\n2\nnonsense", limit: 2).count == 2)
        #expect(try rows("1\n2", limit: 5).count == 2)
        #expect(try rows("nonsense", limit: 0).isEmpty)
        #expect(throws: JSONError.self) { try rows("1\nnonsense") }
    }

    /// What is no array of bytes reads the same.
    @Test func anyCollection() throws {
        let text = "1\n\n[2]\n"
        let lines = try JSONLines.map(text.utf8.lazy.map { $0 }) { row in row.line }
        #expect(lines == [1, 3])
    }
}
