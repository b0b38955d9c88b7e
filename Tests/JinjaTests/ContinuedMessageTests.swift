import JSONText
import TestSupport
import Testing

@testable import Jinja

/// Prompts that end inside their last message.
struct ContinuedMessageTests {
    private static let chatML =
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    private static let trims = "{% for m in messages %}[{{ m.role }}] {{ m.content | trim }} [end]\n{% endfor %}"

    private func render(_ source: String, _ content: Value) throws -> String {
        let template = try ChatTemplate(source: source, bosToken: "<s>", eosToken: "</s>")
        return try template.render(
            messages: [["role": "user", "content": "e"], ["role": "assistant", "content": content]], addGenerationPrompt: false,
            continuesLast: true)
    }

    /// Contents that stand elsewhere in the text too, or are part of the markup.
    @Test(arguments: [
        "<", "e", "|", "<|im_end|>", "im", "n", "\n", "assistant", "assistant\n", "", " ", "Sure, ", " OK", "e\u{301}", "\u{301}", "👩‍👧",
        "\u{600}",
    ])
    func endsAfterTheContent(_ content: String) throws {
        let head = "<|im_start|>user\ne<|im_end|>\n<|im_start|>assistant\n"
        #expect(Array(try render(Self.chatML, .string(content)).utf8) == Array((head + content).utf8))
    }

    @Test func theTemplateMayTrim() throws {
        #expect(try render(Self.trims, " OK") == "[user] e [end]\n[assistant] OK")
        #expect(try render(Self.trims, "OK \n") == "[user] e [end]\n[assistant] OK")
        #expect(try render(Self.trims, "end") == "[user] e [end]\n[assistant] end")
    }

    @Test func partsAreContinuedAtTheirEnd() throws {
        let parts: Value = [["type": "text", "text": "one"], ["type": "text", "text": "e"]]
        #expect(try render(Self.chatML, parts).hasSuffix("assistant\none\ne"))
        let loop = "{% for m in messages %}<{{ m.role }}>{% for p in m.content %}{{ p.text }}{% endfor %}</{{ m.role }}>{% endfor %}"
        #expect(try render(loop, parts) == "<user>e</user><assistant>onee")
        #expect(try render(loop, "<") == "<user>e</user><assistant><")
    }

    @Test func aMessageThatDoesNotShowAsItIsCannotBeContinued() throws {
        for source in [
            "nothing", "{% for m in messages[:-1] %}{{ m.content }}{% endfor %}", "{% for m in messages %}{{ m.content[:9] }}{% endfor %}",
            "{% for m in messages %}{{ m.content.replace('<think>', '') }}{% endfor %}",
            // What the template counts or cuts elsewhere would show the end that was put there.
            "{{ messages[1].content | length }}{% for m in messages %}{{ m.content }}{% endfor %}",
            "{{ messages[1].content | truncate(20) }}{% for m in messages %}{{ m.content }}{% endfor %}",
            // The same text elsewhere is not the message.
            "{{ messages[1].content[:17] }}{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}",
        ] {
            #expect(throws: JinjaError.self, "\(source)") { try render(source, "<think>a</think>b") }
        }
        #expect(throws: JinjaError.self) { try render(Self.chatML, [["type": "image"]]) }
    }

    @Test func theMessageMayStandThereTwice() throws {
        #expect(try render("({{ messages[1].content }}) {{ messages[1].content }} end", "a ") == "(a ) a ")
        let trimmed = "({{ messages[1].content | trim }}) {{ messages[1].content | trim }}"
        #expect(try render(trimmed, " a") == "(a) a")
        #expect(throws: JinjaError.self) { try render(trimmed, "a ") }
    }

    /// Against `apply_chat_template` of transformers, over the templates of every family.
    @Test func equalsTransformers() throws {
        let file = try ReferenceTests.read("continued.json")
        let templates = try #require(file["templates"]?.members)
        let cases = try #require(file["cases"]?.items)
        #expect(cases.count > 100)
        var wrong: [String] = []
        var refused = 0
        for entry in cases {
            let members = entry.members
            let source = members["source"]?.text ?? templates[members["template"]?.text ?? ""]?.text ?? ""
            let messages = members["messages"]?.items ?? []
            let template = try ChatTemplate(source: source, bosToken: "<s>", eosToken: "</s>")
            let got = try? template.render(
                messages: messages, addGenerationPrompt: false, continuesLast: true, now: ReferenceTests.now)
            let want = members["expected"]?.text
            if want == nil { refused += 1 }
            if got.map({ Array($0.utf8) }) != want.map({ Array($0.utf8) }) {
                wrong.append("\(members["name"]?.text ?? "")\n   got  \(got.debugDescription)\n   want \(want.debugDescription)")
            }
        }
        #expect(refused > 0 && refused < cases.count / 2)
        #expect(wrong.isEmpty, "\(wrong.count) of \(cases.count) differ:\n\(wrong.prefix(20).joined(separator: "\n"))")
    }
}
