import JSONText
import Jinja

/// Reads a chat from the fields of a request.
extension ChatPrompt {
    /// Arguments of a rendering, which `chat_template_kwargs` may hold as well, where they win, as in vLLM.
    private static let arguments: Set<String> = ["tools", "chat_template", "add_generation_prompt", "continue_final_message"]

    init(_ fields: FieldReader, settings: ServerSettings) throws(APIError) {
        let messages = try ChatMessages(fields, limit: settings.maxMessages)
        self.messages = messages.values
        let kwargs = try fields.object("chat_template_kwargs")
        let choice = fields["tool_choice"]?.string
        let readers = [kwargs, fields].compactMap { $0 }
        let tools = try Self.first(readers) { (fields) throws(APIError) in try fields.array("tools", of: "an array of tools") }
        self.tools = tools.flatMap { $0.isEmpty || choice == "none" ? nil : Value(.array($0)) }
        templateName = try Self.first(readers) { (fields) throws(APIError) in try fields.string("chat_template") }

        let continues = try Self.first(readers) { (fields) throws(APIError) in try fields.bool("continue_final_message") } ?? false
        let addsPrompt = try Self.first(readers) { (fields) throws(APIError) in try fields.bool("add_generation_prompt") }
        if continues, addsPrompt == true {
            throw .bad("continue_final_message", "continue_final_message and add_generation_prompt exclude each other; send one as false")
        }
        addsGenerationPrompt = addsPrompt ?? !continues
        if continues {
            guard let content = messages.lastContent else {
                throw .bad("continue_final_message", "continue_final_message needs a last message with content to continue")
            }
            continued = content
        } else {
            continued = nil
        }

        var extra: [String: Value] = [:]
        if let documents = try fields.array("documents", of: "an array of documents") {
            for (index, document) in documents.enumerated() where document.object == nil {
                throw fields.wrong("documents[\(index)]", document, "an object")
            }
            extra["documents"] = Value(.array(documents))
        }
        if let kwargs {
            if kwargs["messages"] != nil { throw .bad(kwargs.path("messages"), "\(kwargs.path("messages")): send them as messages") }
            for (key, value) in kwargs.members where !Self.arguments.contains(key) { extra[key] = Value(value) }
        }
        if let effort = try Self.reasoningEffort(fields) {
            // As in vLLM: templates that know no efforts may know thinking.
            if extra["reasoning_effort"] == nil { extra["reasoning_effort"] = Value(.string(effort)) }
            if extra["enable_thinking"] == nil { extra["enable_thinking"] = Value(.bool(effort != "none")) }
        }
        self.extra = extra
    }

    private static let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]

    private static func reasoningEffort(_ fields: FieldReader) throws(APIError) -> String? {
        guard let effort = try fields.string("reasoning_effort") else { return nil }
        guard efforts.contains(effort) else {
            throw .bad(
                fields.path("reasoning_effort"),
                "reasoning_effort is '\(effort.prefix(40))'; it is one of \(efforts.joined(separator: ", "))")
        }
        return effort
    }

    /// What the first of the readers that has the field reads.
    private static func first<T>(_ readers: [FieldReader], _ read: (FieldReader) throws(APIError) -> T?) throws(APIError) -> T? {
        for fields in readers {
            if let value = try read(fields) { return value }
        }
        return nil
    }
}
