import Foundation
import Jinja
import Testing

@testable import Server

@Suite struct ChatPromptTests {
    private func prompt(_ fields: String) throws(APIError) -> ChatPrompt {
        try ChatPrompt(FieldReader(body: Array("{\(fields)}".utf8)), settings: ServerSettings())
    }

    private func render(_ template: String, _ fields: String) throws -> String {
        let template = try ChatTemplate(source: template, bosToken: "<s>", eosToken: "</s>")
        do { return try prompt(fields).prompt(template) } catch let error as ChatError { throw APIError(error, model: "m") }
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
        #expect { _ = try render("nothing", fields) } throws: { ($0 as? APIError)?.param == "continue_final_message" }
        for content in ["", #", "content": null"#] {
            #expect { _ = try prompt(#""messages": [{"role": "assistant"\#(content)}], "continue_final_message": true"#) } throws: {
                ($0 as? APIError)?.param == "continue_final_message"
            }
        }
        let inKwargs = fields.replacingOccurrences(
            of: #""continue_final_message": true"#, with: #""chat_template_kwargs": {"continue_final_message": true}"#)
        #expect(try render(Self.plain, inKwargs) == "[user]a[assistant]Sure, ")
    }

    @Test func continuesWhatStandsElsewhereToo() throws {
        for content in ["<", "[", "a", "assistant", "]"] {
            let fields =
                #""messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\#(content)"}], "continue_final_message": true"#
            #expect(try render(Self.plain + "<end>[]a", fields) == "[user]a[assistant]" + content)
        }
    }

    @Test func callsWithoutContentOrArguments() throws {
        let concatenates =
            "{% for m in messages %}{{ m.content + ';' }}{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}"
        for message in [
            #"{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": ""}}]}"#,
            #"{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": null}}]}"#,
            #"{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f"}}]}"#,
        ] {
            #expect(try render(concatenates, #""messages": [\#(message)], "add_generation_prompt": false"#) == ";{}")
        }
    }

    @Test func aTextReachesTemplatesThatLoopOverParts() throws {
        let loop =
            "{% for m in messages %}{{ m.role }}:{% for p in m.content %}{% if p['type'] == 'text' %} {{ p['text'] }}{% endif %}{% endfor %}{% endfor %}"
        #expect(try render(loop, #""messages": [{"role": "user", "content": "Hi"}]"#) == "user: Hi")
        #expect(
            try render(loop, #""messages": [{"role": "user", "content": [{"text": "Hi"}, {"type": "text", "text": "you"}]}]"#)
                == "user: Hi you")
    }

    @Test func largeNumbersKeepTheirDigits() throws {
        let fields = #"""
            "messages": [{"role": "user", "content": "a"}], "tools": [{"n": 123456789012345678901234567890}],
            "documents": [{"id": -98765432109876543210}], "chat_template_kwargs": {"budget": 18446744073709551616}
            """#
        let shown = try render("{{ tools | tojson }} {{ documents[0].id }} {{ budget }}", fields)
        #expect(shown == #"[{"n": 123456789012345678901234567890}] -98765432109876543210 18446744073709551616"#)
    }

    @Test func aTemplateIsNamed() throws {
        let fields = #""messages": [{"role": "user", "content": "a"}]"#
        #expect(try prompt(fields).templateName == nil)
        #expect(try prompt(fields + #", "chat_template": "rag""#).templateName == "rag")
        #expect(try prompt(fields + #", "chat_template_kwargs": {"chat_template": "rag"}"#).templateName == "rag")
        #expect(throws: APIError.self) { try prompt(fields + #", "chat_template": 3"#) }
        #expect(throws: APIError.self) { try prompt(fields + #", "chat_template_kwargs": {"messages": []}"#) }
        #expect(throws: APIError.self) { try prompt(fields + #", "documents": ["text"]"#) }
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
