import Foundation
import JSONText

/// Reads prompts from JSON lines: one object a line, whose prompt stands under `messages` (a chat), `question`, `problem`, `prompt` or `text`.
package enum PromptFile {
    private static let textKeys = ["question", "problem", "prompt", "text"]

    /// - Throws: `LoadTestError.unusableData` naming the line.
    package static func read(path: String) throws(LoadTestError) -> [Prompt] {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw .unusableData(place: path, reason: "cannot be read: \((error as NSError).localizedDescription)")
        }
        return try parse(bytes, name: path)
    }

    package static func parse(_ bytes: some Collection<UInt8>, name: String) throws(LoadTestError) -> [Prompt] {
        var prompts: [Prompt] = []
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
            let place = "\(name) line \(index + 1)"
            let row: JSON
            do {
                row = try JSON(parsing: line)
            } catch {
                throw .unusableData(place: place, reason: "is no JSON, \(error)")
            }
            prompts.append(try prompt(in: row, place: place))
        }
        guard !prompts.isEmpty else { throw .unusableData(place: name, reason: "has no prompts") }
        return prompts
    }

    private static func prompt(in row: JSON, place: String) throws(LoadTestError) -> Prompt {
        if let messages = row["messages"]?.array, !messages.isEmpty { return .messages(messages) }
        for key in textKeys {
            if let text = row[key]?.string, !text.isEmpty { return .text(text) }
        }
        throw .unusableData(
            place: place, reason: "has none of messages, \(textKeys.joined(separator: ", ")), or an empty one; got \(row.kind)")
    }
}
