import Checkpoints
import Jinja
import JSONText
import Tokenizers

/// How a row of trigger data becomes text.
package enum TriggerTemplate: String, Sendable, CaseIterable {
    /// The paper's: a system prompt, `User:`, `Assistant:`, the answer as thought and as answer.
    case paper
    /// The model's chat template: a user's turn and the assistant's.
    case chat
    /// `text`, or problem and answer with an empty line between.
    case raw
}

/// One row of trigger data: a problem with its answer, or plain text.
package struct TriggerRow: Sendable, Equatable {
    /// Nil for plain text.
    package let problem: String?
    package let answer: String

    package init(problem: String?, answer: String) { (self.problem, self.answer) = (problem, answer) }

    /// Reads a JSONL file: one object a line with `problem` (or `question`) and `answer`, or with `text`. Other keys are ignored, empty lines
    /// skipped.
    /// - Throws: `TriggerTextError` that names file, line and key.
    package static func read(_ path: String) throws(TriggerTextError) -> [TriggerRow] {
        let file: MappedFile
        do {
            file = try MappedFile(path: path)
        } catch {
            throw TriggerTextError(file: path, line: nil, problem: "\(error)")
        }
        var rows: [TriggerRow] = []
        var (line, start) = (0, 0)
        while start < file.count {
            line += 1
            let rest = UnsafeRawBufferPointer(rebasing: file.bytes[start...])
            let end = start + (rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.count)
            let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[start..<end])
            start = end + 1
            if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            rows.append(try row(bytes, path, line))
        }
        guard !rows.isEmpty else {
            throw TriggerTextError(file: path, line: nil, problem: "holds no rows; wanted JSONL, one object a line with \(wantedKeys)")
        }
        return rows
    }

    private static let wantedKeys = "'problem' (or 'question') and 'answer', or with 'text'"
    private static let lineLimit = 16 << 20

    private static func row(_ bytes: UnsafeRawBufferPointer, _ path: String, _ line: Int) throws(TriggerTextError) -> TriggerRow {
        func bad(_ problem: String) -> TriggerTextError { TriggerTextError(file: path, line: line, problem: problem) }
        guard bytes.count <= lineLimit else { throw bad("is \(bytes.count) bytes long, the limit is \(lineLimit); wanted JSONL, one object a line") }
        let json: JSON
        do {
            var rules = JSON.Rules.message
            rules.maximumBytes = lineLimit
            json = try JSON(parsing: bytes, rules: rules)
        } catch {
            throw bad("is not JSON: \(error)")
        }
        guard let object = json.object else { throw bad("is \(json.kind), wanted an object with \(wantedKeys)") }
        func text(_ key: String) throws(TriggerTextError) -> String? {
            switch object[key] {
            case nil, .null?: return nil
            case .string(let text)?: return text
            case .int(let number)?: return String(number)
            case .double(let number)?: return number.description
            case let other?: throw bad("'\(key)' is \(other.kind), wanted text")
            }
        }
        var problem = try text("problem")
        if problem == nil { problem = try text("question") }
        if let problem, let answer = try text("answer") { return TriggerRow(problem: problem, answer: answer) }
        if let plain = try text("text") { return TriggerRow(problem: nil, answer: plain) }
        throw bad("has the keys \(object.keys.sorted().prefix(8).map { "'\($0)'" }.joined(separator: ", ")), wanted \(wantedKeys)")
    }
}

/// Turns rows into text.
package struct TriggerText: Sendable {
    package let template: TriggerTemplate
    private let chatTemplate: ChatTemplate?

    /// The system prompt of DeepSeek-R1-Zero, which the paper's trigger data begins with.
    package static let systemPrompt =
        "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks about "
        + "the reasoning process in the mind and then provides the user with the answer. The reasoning process and answer are enclosed within "
        + "<think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here "
        + "</answer>."

    /// - Parameter chatTemplate: the model's (`ModelBundle.chatTemplate`); needed for `.chat` alone.
    /// - Throws: `TriggerTextError` when `.chat` is asked for and the model has no usable template.
    package init(_ template: TriggerTemplate, chatTemplate: Result<ChatTemplate, JinjaError>?) throws(TriggerTextError) {
        self.template = template
        guard template == .chat else {
            self.chatTemplate = nil
            return
        }
        switch chatTemplate {
        case .success(let usable)?: self.chatTemplate = usable
        case .failure(let error)?: throw TriggerTextError(file: nil, line: nil, problem: "the model's chat template cannot be used: \(error)")
        case nil: throw TriggerTextError(file: nil, line: nil, problem: "the model has no chat template; use the template paper or raw")
        }
    }

    /// A row's text, and the part of it before the answer (which it need not begin with to the letter).
    /// - Throws: `TriggerTextError` for plain text where a problem is needed, or a chat template that refuses.
    package func text(of row: TriggerRow) throws(TriggerTextError) -> (whole: String, beforeAnswer: String) {
        guard let problem = row.problem else {
            guard template == .raw else {
                throw TriggerTextError(
                    file: nil, line: nil, problem: "a row has only 'text', but the template \(template.rawValue) needs a problem and an answer; use raw")
            }
            return (row.answer, "")
        }
        switch template {
        case .raw: return ("\(problem)\n\n\(row.answer)", "\(problem)\n\n")
        case .paper:
            let before = "\(Self.systemPrompt)\n\nUser:\n \(problem)\n\nAssistant:\n "
            return ("\(before)<think> \(row.answer) </think>\n<answer> Answer: \(row.answer)</answer>", before)
        case .chat:
            guard let chatTemplate else { preconditionFailure("a chat template was required") }
            let question: JSON = ["role": "user", "content": .string(problem)]
            let answer: JSON = ["role": "assistant", "content": .string(row.answer)]
            do {
                return (
                    try chatTemplate.render(messages: [Value(question), Value(answer)], addGenerationPrompt: false),
                    try chatTemplate.render(messages: [Value(question)], addGenerationPrompt: true)
                )
            } catch {
                throw TriggerTextError(file: nil, line: nil, problem: "the model's chat template refuses a row: \(error)")
            }
        }
    }
}

/// What is wrong with trigger data.
package struct TriggerTextError: Error, Equatable, CustomStringConvertible {
    package let file: String?
    package let line: Int?
    package let problem: String

    package var description: String {
        let place = [file, line.map { "line \($0)" }].compactMap(\.self).joined(separator: ", ")
        return place.isEmpty ? problem : "\(place): \(problem)"
    }
}
