import Foundation
import JSONText

/// What one request asks.
package enum Prompt: Sendable, Equatable {
    case text(String)
    /// A chat as the API takes it: an array of messages.
    case messages([JSON])

    /// This prompt with `prefix` in front of its text; of a chat, in front of the first message's.
    package func prefixed(by prefix: String) -> Prompt {
        switch self {
        case .text(let text): return .text(prefix + " " + text)
        case .messages(var messages):
            guard var first = messages.first?.object, let content = first["content"]?.string else {
                return .messages([["role": "user", "content": .string(prefix)]] + messages)
            }
            first["content"] = .string(prefix + " " + content)
            messages[0] = .object(first)
            return .messages(messages)
        }
    }
}

/// Where prompts come from.
package enum PromptSource: Sendable, Equatable {
    /// Every request asks the same.
    case text(String)
    /// Random words, about so many tokens, different for each request.
    case generated(tokens: Int)
    /// One after the other, from the beginning again when they run out.
    case data([Prompt])
}

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
