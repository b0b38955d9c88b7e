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
        let prompts = try JSONLines.map(bytes) { (line) throws(LoadTestError) in
            let place = "\(name) line \(line.line)"
            let row: JSON
            do {
                row = try line.json()
            } catch {
                throw .unusableData(place: place, reason: "is no JSON, \(error)")
            }
            return try prompt(in: row, place: place)
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
