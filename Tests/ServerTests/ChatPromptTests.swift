import Jinja
import Testing

@testable import Server

@Suite struct ChatPromptTests {
    private func prompt(_ fields: String) throws(APIError) -> ChatPrompt {
        try ChatPrompt(FieldReader(body: Array("{\(fields)}".utf8)), settings: ServerSettings())
    }

    private func render(_ template: String, _ fields: String) throws -> String {
        let chat = try prompt(fields)
        return try chat.prompt(
            rendered: try ChatTemplate(source: template, bosToken: "<s>", eosToken: "</s>").render(
                messages: chat.messages, tools: chat.tools, addGenerationPrompt: chat.addsGenerationPrompt, extra: chat.extra))
    }

    private static let plain =
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"

    @Test func contentPartsAndMissingContent() throws {
        let fields =
            #""messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, {"role": "assistant"}]"#
        #expect(try render(Self.plain, fields) == "[user]a\nb[assistant][assistant]")
        #expect(try render(Self.plain, fields + #", "add_generation_prompt": false"#) == "[user]a\nb[assistant]")
    }

    @Test func toolsKeepTheirOrderAndCallsTheirArguments() throws {
        let template =
            "{{ tools | tojson if tools else 'none' }} {% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments.z }}{% endfor %}{% endfor %}"
        let fields = #"""
            "messages": [{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": "{\"z\": 7}"}}]}],
            "tools": [{"type": "function", "function": {"name": "f", "a": 1}}]
            """#
        #expect(try render(template, fields) == #"[{"type": "function", "function": {"name": "f", "a": 1}}] 7"#)
        #expect(try render(template, fields + #", "tool_choice": "none""#) == "none 7")
    }

    @Test func templateArguments() throws {
        #expect(
            try render(
                "{{ enable_thinking }}",
                #""messages": [{"role": "user", "content": "a"}], "chat_template_kwargs": {"enable_thinking": false}"#) == "False")
    }

    @Test func continuesTheLastMessage() throws {
        let template =
            "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}[end]{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
        let fields =
            #""messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "Sure, "}], "continue_final_message": true"#
        #expect(try render(template, fields) == "[user]a[end][assistant]Sure,")
        #expect(try render(Self.plain, fields) == "[user]a[assistant]Sure, ")
        #expect(throws: APIError.self) { try render("nothing", fields) }
        #expect(throws: APIError.self) {
            try prompt(#""messages": [{"role": "assistant", "content": " "}], "continue_final_message": true"#)
        }
    }

    @Test func knowsWhenTheAnswerStartsInsideReasoning() throws {
        let user = try prompt(#""messages": [{"role": "user", "content": "<think>"}]"#)
        #expect(user.startsInReasoning(prompt: "[assistant]<think>\n"))
        #expect(!user.startsInReasoning(prompt: "[assistant]<think>\n\n</think>\n\n"))
        #expect(!user.startsInReasoning(prompt: "<think>[assistant]"))
        let closed = try prompt(#""messages": [{"role": "user", "content": "<think>"}], "add_generation_prompt": false"#)
        #expect(!closed.startsInReasoning(prompt: "[user]<think>"))
        let continued = try prompt(#""messages": [{"role": "assistant", "content": "<think>So"}], "continue_final_message": true"#)
        #expect(continued.startsInReasoning(prompt: "[assistant]<think>So"))
    }
}
