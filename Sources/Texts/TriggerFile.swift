import Checkpoints
import JSONText
import Jinja

/// Trigger data: JSON lines with `problem` and `answer`, `question` and `answer`, or `text`.
package struct TriggerFile {
    package let rows: [TriggerText]

    private static let longestLine = 64 << 20

    /// Reads the whole file.
    /// - Parameter limit: rows taken from the beginning; nil for all.
    /// - Throws: `TextError` with the line at fault; `CheckpointError` when the file cannot be read.
    package init(
        path: String, template: TriggerTemplate, system: String = TriggerText.systemPrompt, chat: ChatTemplate?, limit: Int? = nil
    ) throws {
        let file = try OpenFile(path: path)
        rows = try JSONLines.map(try file.bytes(0..<file.count), limit: limit) { (row) throws(TextError) in
            func bad(_ problem: String) -> TextError { TextError(file: path, line: row.line, problem: problem) }
            guard row.bytes.count <= Self.longestLine else {
                throw bad("\(row.bytes.count) bytes in one line, at most \(Self.longestLine) are read; wanted one JSON object a line")
            }
            return try Self.text(row, template, system, chat, bad)
        }
        if rows.isEmpty { throw TextError(file: path, problem: "holds no rows; wanted one JSON object a line") }
    }

    private static func text(
        _ row: JSONLines.Row, _ template: TriggerTemplate, _ system: String, _ chat: ChatTemplate?, _ bad: (String) -> TextError
    ) throws(TextError) -> TriggerText {
        let json: JSON
        do throws(JSONError) { json = try row.json(rules: .message) } catch {
            throw bad("not a JSON object: \(error)")
        }
        guard let members = json.object else { throw bad("got \(json.kind), wanted a JSON object") }
        // Gold answers of some sets are numbers.
        func field(_ key: String) -> String? {
            switch members[key] {
            case .string(let text): text
            case .int(let number): String(number)
            case .largeInt(let digits): digits
            case .double(let number): number.description
            default: nil
            }
        }
        if let problem = field("problem") ?? field("question") {
            guard let answer = field("answer") ?? field("solution") else { throw bad("has a problem but no text under 'answer'") }
            do throws(JinjaError) {
                return try TriggerText(problem: problem, answer: answer, template: template, system: system, chat: chat)
            } catch {
                throw bad("the chat template refuses it: \(error)")
            }
        }
        guard let text = field("text") else {
            throw bad(
                "has \(members.isEmpty ? "no keys" : "the keys " + members.keys.prefix(8).joined(separator: ", ")), wanted problem and answer, "
                    + "question and answer, or text")
        }
        return TriggerText(prompt: "", answer: text)
    }
}
