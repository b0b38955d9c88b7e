import Foundation
import JSONText

/// The last message of a conversation that the answer continues. Where its content ends in the rendered text is told by a mark put
/// behind the content, as `transformers` does: the content itself may stand elsewhere too, or be changed by the template.
struct OpenMessage {
    private let content: String
    /// Occurs nowhere else.
    private let mark = "CONTINUED" + UUID().uuidString.filter { $0 != "-" }
    /// Follows the mark: a template that trims the content takes it away, and hardly one writes it itself.
    private static let space = "\u{2003} "

    /// The text that `render` makes of the messages, up to the end of the last one's content.
    /// - Throws: what `render` throws, and `.continuation` when there is no such content, or the template shows it otherwise.
    static func render(_ messages: [Value], _ render: ([Value]) throws(JinjaError) -> String) throws(JinjaError) -> String {
        var marked = messages
        let message = try OpenMessage(lastOf: &marked)
        let prompt = try message.cut(try render(marked))
        // A template that cuts or counts the content makes something else of it with the mark. Where there is nothing but white space, it
        // may leave the whole message out, and another mark must do for comparison.
        var compared = messages
        if message.content.stripped().isEmpty {
            let other = try OpenMessage(lastOf: &compared)
            guard prompt.isIdentical(to: try other.cut(try render(compared))) else { throw changed }
        } else {
            guard try render(messages).utf8.starts(with: prompt.utf8) else { throw changed }
        }
        return prompt
    }

    private static let changed = JinjaError.continuation("the chat template changes the last message")

    /// Marks the end of the last message's content, of its last text part where it has parts.
    private init(lastOf messages: inout [Value]) throws(JinjaError) {
        guard case .object(var message)? = messages.last else { throw .continuation("there is no message to continue") }
        switch message["content"] {
        case .string(let text)?:
            content = text
            message["content"] = .string(text + mark + Self.space)
        case .array(var parts)?:
            guard let place = parts.lastIndex(where: { $0.textOfPart != nil }), case .object(var part) = parts[place],
                let text = parts[place].textOfPart
            else { throw .continuation("the last message has no text to continue") }
            content = text
            part["text"] = .string(text + mark + Self.space)
            parts[place] = .object(part)
            message["content"] = .array(parts)
        default: throw .continuation("the last message has no content to continue")
        }
        messages[messages.count - 1] = .object(message)
    }

    /// The rendered text up to the end of the content, without the white space at its end where the template trims it.
    private func cut(_ rendered: String) throws(JinjaError) -> String {
        guard let end = rendered.occurrences(of: mark).last else {
            throw .continuation("the chat template does not show the end of the last message")
        }
        let keepsSpace = rendered.utf8.dropFirst(end + mark.utf8.count).starts(with: Self.space.utf8)
        // The content may stand there more than once.
        let head = rendered.bytes(0..<end).replacing(mark + Self.space, by: "").replacing(mark, by: "")
        let prompt = keepsSpace ? head : head.stripped(left: false)
        guard prompt.stripped(left: false).utf8.reversed().starts(with: content.stripped().utf8.reversed()) else { throw Self.changed }
        return prompt
    }
}

extension Value {
    /// The text of a content part; nil for parts of other kinds.
    var textOfPart: String? {
        guard case .object(let part) = self else { return nil }
        return part["text"]?.text
    }
}
