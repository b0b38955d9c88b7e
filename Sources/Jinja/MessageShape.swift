import JSONText

/// How a template reads what chats may write in several ways: content as text or as parts, the arguments of tool calls as objects or as
/// JSON text, and no content beside tool calls. Found by trying, see `MessageShape+Trying.swift`; a template that reads both ways
/// gets what was sent.
struct MessageShape: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        /// Texts and lists of parts alike.
        case asGiven
        /// Only texts: parts are joined by line breaks.
        case text
        /// Only parts: a text becomes one.
        case parts
        /// Only a list of one part: all texts are joined into it.
        case onePart
    }

    enum Arguments: Sendable, Equatable { case object, text }

    /// What stands for no content beside tool calls. Most templates print it, so it is empty; some show the calls only where it is none.
    enum NoContent: Sendable, Equatable { case empty, none, left }

    /// By role; other roles have `otherContent`.
    var content: [String: Content] = [:]
    var otherContent = Content.text
    var arguments = Arguments.object
    var noContent = NoContent.empty

    /// The message as the template reads it. Members that are none are left out, as `transformers` does.
    func shaped(_ message: Value) -> Value {
        guard case .object(let given) = message else { return message }
        var shaped = OrderedObject()
        for (key, member) in given.pairs where !member.isNone { shaped.insert(key, member) }
        let role = given["role"]?.text ?? ""
        let wanted = content[role] ?? otherContent
        var hasCalls = false
        if case .array(let calls)? = shaped["tool_calls"] {
            hasCalls = !calls.isEmpty
            // An empty list makes templates take the message for a call, and print nothing of it.
            shaped["tool_calls"] = hasCalls ? .array(calls.map(shapedCall)) : nil
        }
        if hasCalls, shaped["content"].map(Self.isEmpty) ?? true {
            switch noContent {
            case .empty: shaped["content"] = write("", as: wanted)
            case .none: shaped["content"] = Value.none
            case .left: shaped["content"] = nil
            }
        } else if let content = shaped["content"] {
            shaped["content"] = write(content, as: wanted)
        } else if role == "assistant" {
            // Templates print what they are given.
            shaped["content"] = write("", as: wanted)
        }
        return .object(shaped)
    }

    private static func isEmpty(_ content: Value) -> Bool {
        switch content {
        case .string(let text): text.isEmpty
        case .array(let parts): parts.isEmpty
        default: false
        }
    }

    private func write(_ given: Value, as wanted: Content) -> Value {
        switch (wanted, given) {
        case (.parts, .string(let text)), (.onePart, .string(let text)): return .array([Self.part(text)])
        case (.text, .array(let parts)): return Self.joined(parts).map(Value.string) ?? given
        case (.onePart, .array(let parts)): return Self.joined(parts).map { .array([Self.part($0)]) } ?? given
        default: return given
        }
    }

    private static func part(_ text: String) -> Value { ["type": "text", "text": .string(text)] }

    /// Nil where a part is no text.
    private static func joined(_ parts: [Value]) -> String? {
        let texts = parts.compactMap(\.textOfPart)
        return texts.count == parts.count ? texts.joined(separator: "\n") : nil
    }

    /// OpenAI carries arguments as JSON text; most templates print them with `tojson` or go through their members.
    private func shapedCall(_ call: Value) -> Value {
        guard case .object(var object) = call, case .object(var function)? = object["function"] else { return call }
        function["arguments"] = shapedArguments(function["arguments"] ?? .none)
        object["function"] = .object(function)
        return .object(object)
    }

    private func shapedArguments(_ given: Value) -> Value {
        var value = given
        var text: String?
        if case .string(let written) = given {
            // What a model wrote may be no JSON; the template gets it as it is.
            guard !written.stripped().isEmpty else { return shapedArguments(.none) }
            guard let parsed = try? JSON(parsing: written, rules: .message) else { return given }
            value = Value(parsed)
            text = written
        }
        if value.isNone { (value, text) = (.object(OrderedObject()), "{}") }
        guard arguments == .text else { return value }
        return .string(text ?? value.pythonJSON ?? "{}")
    }
}

extension Value {
    /// Python's `json.dumps` with the characters kept; nil for what has no JSON form.
    fileprivate var pythonJSON: String? {
        let interpreter = Interpreter(context: [:], limits: .standard) { .distantPast }
        return try? interpreter.json(self, style: JSONStyle())
    }
}
