import Checkpoints
import Foundation
import JSONText
import Jinja
import Tokenizers

/// How a row of trigger data becomes text.
package enum TriggerTemplate: String, Sendable, CaseIterable {
    /// The paper's: the R1 system prompt, the problem, and the answer inside think and answer marks; no chat template.
    case paper
    /// The model's chat template: the problem is the user's message, the answer the assistant's.
    case chat
    /// The problem, a line break, the answer; or the text as it is.
    case raw
}

/// One row of trigger data as text: what is given, and what is to be said.
package struct TriggerText: Sendable, Equatable {
    package var prompt: String
    package var answer: String

    package static let systemPrompt = """
        A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks about the \
        reasoning process in the mind and then provides the user with the answer. The reasoning process and answer are enclosed within \
        <think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here </answer>.
        """

    package init(prompt: String, answer: String) { (self.prompt, self.answer) = (prompt, answer) }

    /// - Parameter system: what the paper's template begins with.
    /// - Throws: `JinjaError` when the chat template refuses the messages.
    package init(
        problem: String, answer: String, template: TriggerTemplate, system: String = Self.systemPrompt, chat: ChatTemplate?
    ) throws(JinjaError) {
        switch template {
        case .paper:
            self.init(
                prompt: "\(system)\n\nUser:\n \(problem)\n\nAssistant:\n <think> ",
                answer: "\(answer) </think>\n<answer> Answer: \(answer)</answer>")
        case .raw: self.init(prompt: problem + "\n", answer: answer)
        case .chat:
            guard let chat else { preconditionFailure("TriggerText: no chat template") }
            let user = Value(.object(["role": "user", "content": .string(problem)]))
            let assistant = Value(.object(["role": "assistant", "content": .string(answer)]))
            let prompt = try chat.render(messages: [user], addGenerationPrompt: true)
            let whole = try chat.render(messages: [user, assistant], addGenerationPrompt: false)
            // Templates that open a think block in the prompt, or drop it from old turns, give no text that continues the prompt.
            self.init(prompt: prompt, answer: whole.hasPrefix(prompt) ? String(whole.dropFirst(prompt.count)) : answer)
        }
    }
}

/// Trigger data: JSON lines with `problem` and `answer`, `question` and `answer`, or `text`.
package struct TriggerFile {
    package let rows: [TriggerText]

    private static let longestLine = 64 << 20

    /// Reads the whole file.
    /// - Parameter limit: rows taken from the beginning; nil for all.
    /// - Throws: `TrainingError.badData` with the line at fault; `CheckpointError` when the file cannot be read.
    package init(
        path: String, template: TriggerTemplate, system: String = TriggerText.systemPrompt, chat: ChatTemplate?, limit: Int? = nil
    ) throws {
        let file = try OpenFile(path: path)
        let rows = try file.bytes(0..<file.count).withUnsafeBytes { try Self.rows($0, path, template, system, chat, limit) }
        guard !rows.isEmpty else {
            throw TrainingError.badData(file: path, line: 0, problem: "holds no rows; wanted one JSON object a line")
        }
        self.rows = rows
    }

    private static func rows(
        _ content: UnsafeRawBufferPointer, _ path: String, _ template: TriggerTemplate, _ system: String, _ chat: ChatTemplate?,
        _ limit: Int?
    ) throws -> [TriggerText] {
        var rows: [TriggerText] = []
        var (start, line) = (0, 0)
        while start < content.count, rows.count < limit ?? Int.max {
            let rest = UnsafeRawBufferPointer(rebasing: content[start...])
            let end = memchr(rest.baseAddress!, 0x0A, rest.count).map { UnsafeRawPointer($0) - rest.baseAddress! } ?? rest.count
            line += 1
            start += end + 1
            let bytes = UnsafeRawBufferPointer(rebasing: rest[..<end])
            if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            guard bytes.count <= Self.longestLine else {
                throw TrainingError.badData(
                    file: path, line: line,
                    problem: "\(bytes.count) bytes in one line, at most \(Self.longestLine) are read; wanted one JSON object a line")
            }
            rows.append(try Self.row(bytes, path, line, template, system, chat))
        }
        return rows
    }

    private static func row(
        _ bytes: UnsafeRawBufferPointer, _ path: String, _ line: Int, _ template: TriggerTemplate, _ system: String, _ chat: ChatTemplate?
    ) throws -> TriggerText {
        func bad(_ problem: String) -> TrainingError { .badData(file: path, line: line, problem: problem) }
        let json: JSON
        do throws(JSONError) { json = try JSON(parsing: bytes, rules: .message) } catch {
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
