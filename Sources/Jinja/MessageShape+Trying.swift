// A template says nowhere what it expects of messages, so small conversations are rendered with it, and what of them shows in the text
// tells. llama.cpp goes the same way; reading the syntax tree, as vLLM does, misses what macros and variables do.

extension MessageShape {
    /// Words that stand in no template.
    private static let first = "zqfirstqz"
    private static let second = "zqsecondqz"
    private static let stranger = "zqstrangerqz"
    private static let called = "zqcalledqz"
    private static let key = "zqkeyqz"

    /// Such a conversation takes a few thousand.
    private static let limits = RenderLimits(steps: 500_000, outputBytes: 1 << 20, depth: RenderLimits.standard.depth)

    /// The shape of messages that `template` reads.
    init(readBy template: Template, bosToken: String, eosToken: String) {
        func render(_ messages: [Value], tools: Value? = nil) -> String? {
            try? template.render(
                ChatTemplate.context(
                    messages: messages, tools: tools, addGenerationPrompt: true, bosToken: bosToken, eosToken: eosToken),
                limits: Self.limits)
        }
        var shape = MessageShape()
        shape.otherContent = Self.content { render([["role": "user", "content": $0]]) } ?? .text
        let user = shape.shaped(["role": "user", "content": "Hi"])
        for role in ["system", "developer"] {
            shape.content[role] = Self.content { render([["role": .string(role), "content": $0], user]) }
        }
        shape.content["assistant"] = Self.content { render([user, ["role": "assistant", "content": $0], user]) }
        (shape.arguments, shape.noContent) = Self.calls { arguments, noContent in
            (shape.arguments, shape.noContent) = (arguments, noContent)
            return render([user, shape.shaped(Self.call), shape.shaped(Self.result("Sunny")), user], tools: [Self.tool])
        }
        let call = shape.shaped(Self.call)
        shape.content["tool"] = Self.content { render([user, call, Self.result($0)], tools: [Self.tool]) }
        self = shape
    }

    /// Which content a role's messages show; nil when they show none, however it is written.
    private static func content(_ render: (Value) -> String?) -> Content? {
        func part(_ text: String) -> Value { ["type": "text", "text": .string(text), stranger: 1] }
        func reads(_ content: Value, _ words: [String]) -> Bool {
            guard let text = render(content) else { return false }
            // Where the parts' other members show, a list was printed and not read.
            return words.allSatisfy(text.includes) && !text.includes(stranger)
        }
        let readsText = reads(.string(first), [first])
        let readsParts = reads([part(first), part(second)], [first, second])
        switch (readsText, readsParts) {
        case (true, true): return .asGiven
        case (true, false): return .text
        case (false, true): return .parts
        case (false, false): return reads([part(first)], [first]) ? .onePart : nil
        }
    }

    /// How calls must be written for the template to show their names and arguments; else one of both; else to accept them.
    private static func calls(_ render: (Arguments, NoContent) -> String?) -> (Arguments, NoContent) {
        var texts: [(arguments: Arguments, noContent: NoContent, text: String)] = []
        for arguments in [Arguments.object, .text] {
            for noContent in [NoContent.empty, .none, .left] {
                if let text = render(arguments, noContent) { texts.append((arguments, noContent, text)) }
            }
        }
        let found =
            texts.first { $0.text.includes(called) && showsKey($0.text, $0.arguments) }
            ?? texts.first { showsKey($0.text, $0.arguments) } ?? texts.first { $0.text.includes(called) } ?? texts.first
        return found.map { ($0.arguments, $0.noContent) } ?? (.object, .empty)
    }

    /// An object is shown where its keys are, but for Python's spelling of them; a text where its quotes are not escaped.
    private static func showsKey(_ text: String, _ arguments: Arguments) -> Bool {
        switch arguments {
        case .object: text.includes(key) && !text.includes("'\(key)'")
        case .text: text.includes("\"\(key)\"")
        }
    }

    private static let tool: Value = [
        "type": "function",
        "function": [
            "name": "tool", "description": "A tool.",
            "parameters": [
                "type": "object", "properties": ["place": ["type": "string", "description": "A place."]], "required": ["place"],
            ],
        ],
    ]

    private static let call: Value = [
        "role": "assistant",
        "tool_calls": [["id": "call00001", "type": "function", "function": ["name": .string(called), "arguments": [key: "there"]]]],
    ]

    private static func result(_ content: Value) -> Value {
        ["role": "tool", "name": .string(called), "tool_call_id": "call00001", "content": content]
    }
}
