import JSONText
import Jinja

/// `messages`, as chat templates see them: every member of a message is passed on, content parts of type `text` are joined by line
/// breaks, and the arguments of tool calls are objects instead of JSON texts.
struct ChatMessages {
    let values: [Value]
    /// The last message's content, where it is text.
    let lastContent: String?

    init(_ fields: FieldReader, limit: Int) throws(APIError) {
        guard let elements = try fields.array("messages", of: "an array of messages") else {
            throw .bad("messages", "messages is missing; send an array of {\"role\", \"content\"}")
        }
        guard !elements.isEmpty else { throw .bad("messages", "messages is empty; send at least one message") }
        guard elements.count <= limit else {
            throw .bad("messages", "messages has \(elements.count) entries; at most \(limit) are allowed")
        }
        var values: [Value] = []
        var last: String?
        for (index, element) in elements.enumerated() {
            guard let object = element.object else { throw fields.wrong("messages[\(index)]", element, "an object") }
            let message = try Self.message(FieldReader(object, path: "\(fields.path)messages[\(index)]."))
            last = message["content"]?.string
            values.append(Value(.object(message)))
        }
        self.values = values
        lastContent = last
    }

    private static func message(_ fields: FieldReader) throws(APIError) -> JSONObject {
        guard let role = try fields.string("role"), !role.isEmpty else {
            throw .bad(fields.path + "role", "\(fields.path)role is missing; it is usually system, user or assistant")
        }
        var message = fields.object
        let calls = try fields.array("tool_calls", of: "an array of tool calls")
        switch fields["content"] {
        case .string?: break
        case .array(let parts)?: message["content"] = .string(try join(parts, fields))
        case nil:
            guard role == "assistant" || calls != nil else {
                throw .bad(fields.path + "content", "\(fields.path)content is missing; send a string or parts of type text")
            }
            // Templates ask `if message.content`, and print what they are given.
            if calls == nil { message["content"] = "" }
        case let other?: throw fields.wrong("content", other, "a string or an array of parts")
        }
        if let calls { message["tool_calls"] = .array(calls.map(withParsedArguments)) }
        return message
    }

    private static func join(_ parts: [JSON], _ fields: FieldReader) throws(APIError) -> String {
        var texts: [String] = []
        for (index, part) in parts.enumerated() {
            let path = "\(fields.path)content[\(index)]"
            guard let object = part.object else { throw .bad(path, "\(path) must be an object with a type, not \(part.kind)") }
            let reader = FieldReader(object, path: path + ".")
            let type = try reader.string("type") ?? "text"
            guard type == "text" else {
                throw .unsupported(path + ".type", "\(path) is of type \(type.prefix(40)); this model reads only parts of type text")
            }
            guard let text = try reader.string("text") else { throw .bad(path + ".text", "\(path).text is missing") }
            texts.append(text)
        }
        return texts.joined(separator: "\n")
    }

    /// OpenAI carries arguments as JSON text; templates written for `transformers` print them with `tojson` and expect an object.
    private static func withParsedArguments(_ call: JSON) -> JSON {
        guard var object = call.object, var function = object["function"]?.object, let text = function["arguments"]?.string,
            let arguments = try? JSON(parsing: text, rules: .message), arguments.object != nil
        else { return call }
        function["arguments"] = arguments
        object["function"] = .object(function)
        return .object(object)
    }
}
