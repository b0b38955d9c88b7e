import JSONText
import Jinja

/// `messages`, checked: every message has a role and, unless it is the assistant's, a content of text. All their members are passed on;
/// `ChatTemplate` gives them the shape that the model's template reads.
struct ChatMessages {
    let values: [Value]
    /// The last message's content, parts joined by line breaks; nil where there is none.
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
            guard element.object != nil else { throw fields.wrong("messages[\(index)]", element, "an object") }
            let message = try Self.message(fields.child("messages").child(index))
            last = Self.text(message["content"])
            values.append(Value(.object(message)))
        }
        self.values = values
        lastContent = last
    }

    private static func message(_ fields: FieldReader) throws(APIError) -> JSONObject {
        guard let role = try fields.string("role"), !role.isEmpty else {
            throw fields.bad("role", "is missing; it is usually system, user or assistant")
        }
        var message = fields.members
        let calls = try fields.array("tool_calls", of: "an array of tool calls")
        switch fields["content"] {
        case .string?: break
        case .array(let parts)?: message["content"] = .array(try textParts(parts, fields))
        case nil:
            guard role == "assistant" || calls != nil else {
                throw fields.bad("content", "is missing; send a string or parts of type text")
            }
        case let other?: throw fields.wrong("content", other, "a string or an array of parts")
        }
        return message
    }

    private static func text(_ content: JSON?) -> String? {
        content?.string ?? content?.array.map { $0.compactMap { $0["text"]?.string }.joined(separator: "\n") }
    }

    private static func textParts(_ parts: [JSON], _ fields: FieldReader) throws(APIError) -> [JSON] {
        var checked: [JSON] = []
        for (index, part) in parts.enumerated() {
            let reader = fields.child("content").child(index)
            guard var object = part.object else { throw reader.refuse(wanted: "an object with a type") }
            let type = try reader.string("type") ?? "text"
            guard type == "text" else {
                throw .unsupported(
                    reader.path("type"), "\(reader.path) is of type \(type.prefix(40)); this model reads only parts of type text")
            }
            guard try reader.string("text") != nil else { throw reader.bad("text", "is missing") }
            object["type"] = .string(type)
            checked.append(.object(object))
        }
        return checked
    }
}
