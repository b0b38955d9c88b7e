import Foundation
import JSONText

/// A text to be read as it stands.
package enum TextFile {
    /// A file's text. Of a `.jsonl` file each row's `text`, or `question` and `answer` (`problem` and `solution`) on lines of their own.
    /// - Parameter rows: of a `.jsonl` file, taken from the beginning; nil for all.
    /// - Throws: `TextError`, and `JSONError` for a row that is no JSON.
    package static func read(_ path: String, rows: Int? = nil) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else { throw UnreadableText(path: path) }
        let text = String(decoding: data, as: UTF8.self)
        guard path.hasSuffix(".jsonl") else { return text }
        var number = 0
        return try JSONLines.map(text.utf8, limit: rows) { row in
            number += 1
            let json = try row.json()
            let pairs = [["text"], ["question", "answer"], ["problem", "solution"]]
            guard let keys = pairs.first(where: { json[$0[0]]?.string != nil }) else { throw RowWithoutText(path: path, row: number) }
            return keys.compactMap { json[$0]?.string }.joined(separator: "\n") + "\n"
        }.joined()
    }
}

/// A file of text that is not there, or not for this process.
package struct UnreadableText: Error, Equatable, CustomStringConvertible {
    package let path: String
    package init(path: String) { self.path = path }
    package var description: String { "cannot read \(path)" }
}

/// A row that holds nothing to read.
package struct RowWithoutText: Error, Equatable, CustomStringConvertible {
    package let path: String
    /// From 1; blank lines do not count.
    package let row: Int
    package var description: String { "row \(row) of \(path) has none of \"text\", \"question\" and \"problem\"" }
}
