import JSONText
import Jinja

/// Messages read from a file, with the tools and variables that go with them.
package struct Conversation {
    package var messages: [Value]
    package var tools: Value?
    package var extra: [String: Value] = [:]

    package init(messages: [Value]) { self.messages = messages }

    /// - Parameters:
    ///   - contents: JSON, either a list of messages or an object with `messages`.
    ///   - file: where they come from.
    /// - Throws: `TextError` naming the file.
    package init(contents: some Collection<UInt8>, file: String) throws(TextError) {
        func bad(_ problem: String) -> TextError { TextError(file: file, problem: problem) }
        let json: JSON
        do throws(JSONError) { json = try JSON(parsing: contents, rules: .message) } catch { throw bad("not valid JSON: \(error)") }
        switch Value(json) {
        case .array(let list): messages = list
        case .object(let members):
            guard case .array(let list)? = members["messages"] else { throw bad("'messages' is missing or no list") }
            messages = list
            for (name, member) in members.pairs {
                switch name.text ?? "" {
                case "messages": break
                case "tools": tools = member.isNone ? nil : member
                case let name: extra[name] = member
                }
            }
        default: throw bad("got neither a list of messages nor an object with 'messages'")
        }
        for (number, message) in messages.enumerated() {
            guard case .object = message else { throw bad("message \(number) is no object") }
        }
    }
}
