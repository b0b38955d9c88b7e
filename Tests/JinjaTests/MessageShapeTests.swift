import JSONText
import Testing

@testable import Jinja

/// Templates of every kind get messages as they read them, whatever way the client wrote them.
struct MessageShapeTests {
    private func template(_ source: String) throws -> ChatTemplate { try ChatTemplate(source: source, bosToken: "<s>", eosToken: "</s>") }

    private func render(_ source: String, _ messages: String, tools: Bool = false) throws -> String {
        guard case .array(let list) = Value(try JSON(parsing: messages)) else { return "" }
        return try template(source).render(messages: list, tools: tools ? [["type": "function"]] : nil, addGenerationPrompt: false)
    }

    // MARK: Content

    private static let text = #"[{"role": "user", "content": "one"}]"#
    private static let parts = #"[{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}]"#

    @Test(
        arguments: [
            // Texts only: parts are joined by line breaks.
            ("{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}", "user: one", "user: one\ntwo"),
            ("{% for m in messages %}{{ m.role + ': ' + m['content'] | trim }}{% endfor %}", "user: one", "user: one\ntwo"),
            ("{% for m in messages %}user: {{ m.content.split('</think>')[-1] }}{% endfor %}", "user: one", "user: one\ntwo"),
            ("{{ 'user: ' ~ messages | map(attribute='content') | join }}", "user: one", "user: one\ntwo"),
            // Parts only: a text becomes one.
            (
                "{% for m in messages %}{{ m.role }}: {% for p in m.content %}{% if p['type'] == 'text' %}{{ p['text'] }}{% endif %}{% endfor %}{% endfor %}",
                "user: one", "user: onetwo"
            ),
            (
                "{% for m in messages %}user: {{ m.content | selectattr('type', 'equalto', 'text') | map(attribute='text') | join('+') }}{% endfor %}",
                "user: one", "user: one+two"
            ),
            (
                "{% macro show(c) %}{% for p in c %}{{ p.text }};{% endfor %}{% endmacro %}{% for m in messages %}user: {{ show(m.content) }}{% endfor %}",
                "user: one;", "user: one;two;"
            ),
            (
                "{% for m in messages %}{% set c = m['content'] %}user: {% for i in range(c | length) %}{{ c[i].text if c[i] is mapping }},{% endfor %}{% endfor %}",
                "user: one,", "user: one,two,"
            ),
            // One part only: the rest would be lost.
            ("{% for m in messages %}user: {{ m.content[0]['text'] }}{% endfor %}", "user: one", "user: one\ntwo"),
            // Either: as sent.
            (
                "{% for m in messages %}user: {% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endif %}{% endfor %}",
                "user: one", "user: [one][two]"
            ),
            (
                "{% for m in messages %}user: {% if m.content is string %}{{ m.content }}{% else %}{{ m.content[0].text }}{% endif %}{% endfor %}",
                "user: one", "user: one\ntwo"
            ),
        ])
    func content(_ source: String, _ fromText: String, _ fromParts: String) throws {
        #expect(try render(source, Self.text) == fromText)
        #expect(try render(source, Self.parts) == fromParts)
    }

    @Test func everyRoleHasItsOwnShape() throws {
        let source = """
            {% for m in messages %}{% if m.role == 'user' %}[U {% for p in m.content %}{{ p.text }}{% endfor %}]\
            {% elif m.role == 'assistant' %}[A {{ m.content | trim }}]{% elif m.role == 'tool' %}[T {{ m.content[0].text }}]\
            {% else %}[S {{ m.content + '' }}]{% endif %}{% endfor %}
            """
        let messages = #"""
            [{"role": "system", "content": [{"type": "text", "text": "s"}]}, {"role": "user", "content": "u"},
             {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, {"role": "user", "content": "v"},
             {"role": "assistant", "content": null}, {"role": "tool", "content": "t"}]
            """#
        #expect(try render(source, messages) == "[S s][U u][A a\nb][U v][A ][T t]")
    }

    @Test func aTemplateThatRefusesARoleIsStillShaped() throws {
        let source = """
            {% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}\
            {% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}\
            {% for p in m.content %}{{ p.text }}{% endfor %};{% endfor %}
            """
        #expect(try render(source, #"[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]"#) == "a;b;")
        #expect(throws: JinjaError.raised("no system")) { try render(source, #"[{"role": "system", "content": "a"}]"#) }
    }

    @Test func membersThatAreNullAreLeftOut() throws {
        let source = "{% for m in messages %}{{ m.keys() | list }}{{ m.content }}{% endfor %}"
        let sent = #"[{"role": "assistant", "content": "x", "tool_calls": null, "refusal": null, "name": "n"}]"#
        #expect(try render(source, sent) == "['role', 'content', 'name']x")
        let empty = #"[{"role": "assistant", "content": "x", "tool_calls": []}]"#
        #expect(try render("{% for m in messages %}{{ 'call' if 'tool_calls' in m else m.content }}{% endfor %}", empty) == "x")
    }

    // MARK: Calls

    /// Prints the calls as JSON, and concatenates the content.
    private static let concatenates = """
        {% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] }}{% for c in m.tool_calls %}{{ c.function.name }} \
        {{ c.function.arguments | tojson }}{% endfor %}{% endfor %}
        """
    /// Shows calls only where the content is none, and adds the arguments as text, as R1's does.
    private static let wantsNone = """
        {% for m in messages %}{% if m['role'] == 'assistant' and m['content'] is none %}{% for c in m['tool_calls'] %}\
        {{ '<call>' + c['function']['name'] + ' ' + c['function']['arguments'] }}{% endfor %}{% endif %}\
        {% if m['role'] == 'assistant' and m['content'] is not none %}{{ '<assistant>' + m['content'] }}{% endif %}\
        {% if m['role'] != 'assistant' %}{{ m['content'] }}{% endif %}{% endfor %}
        """
    /// Shows calls only where there is no content at all.
    private static let wantsAbsence = """
        {% for m in messages %}{% if 'content' in m %}{{ m.content }}{% else %}{% for c in m.tool_calls %}{{ c.function.name }} \
        {{ c.function.arguments | tojson }}{% endfor %}{% endif %}{% endfor %}
        """
    private static let asParameters = """
        {% for m in messages %}{{ m.content }}{% for c in m.tool_calls %}<{{ c.function.name }}>{% for k, v in c.function.arguments | items %}\
        <{{ k }}>{{ v }}</{{ k }}>{% endfor %}{% endfor %}{% endfor %}
        """
    private static let loopsOverParts = """
        {% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% for c in m.tool_calls %}{{ c.function.name }} \
        {{ c.function.arguments | tojson }}{% endfor %}{% endfor %}
        """

    private static func call(_ content: String, _ arguments: String) -> String {
        #"[{"role": "assistant"\#(content), "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f"\#(arguments)}}]}]"#
    }

    @Test(arguments: ["", #", "content": null"#, #", "content": """#, #", "content": []"#])
    func contentMayBeMissingBesideCalls(_ content: String) throws {
        let sent = Self.call(content, #", "arguments": "{\"z\": 1}""#)
        #expect(try render(Self.concatenates, sent) == #"<assistant>f {"z": 1}"#)
        #expect(try render(Self.wantsNone, sent) == #"<call>f {"z": 1}"#)
        #expect(try render(Self.wantsAbsence, sent) == #"f {"z": 1}"#)
        #expect(try render(Self.asParameters, sent) == "<f><z>1</z>")
        #expect(try render(Self.loopsOverParts, sent) == #"f {"z": 1}"#)
    }

    @Test(arguments: [
        "", #", "arguments": null"#, #", "arguments": """#, #", "arguments": " \n""#, #", "arguments": "null""#, #", "arguments": {}"#,
    ])
    func missingArgumentsAreNone(_ arguments: String) throws {
        let sent = Self.call("", arguments)
        #expect(try render(Self.concatenates, sent) == "<assistant>f {}")
        #expect(try render(Self.wantsNone, sent) == "<call>f {}")
        #expect(try render(Self.asParameters, sent) == "<f>")
    }

    @Test func argumentsAreWrittenAsTheTemplateReadsThem() throws {
        let object = Self.call("", #", "arguments": {"b": [1, 2.0], "a": "ü"}"#)
        #expect(try render(Self.wantsNone, object) == #"<call>f {"b": [1, 2.0], "a": "ü"}"#)
        // Where text is wanted, what the model wrote stays as it is.
        #expect(try render(Self.wantsNone, Self.call("", #", "arguments": "{\"b\":1 }""#)) == #"<call>f {"b":1 }"#)
        #expect(try render(Self.concatenates, Self.call("", #", "arguments": "{\"b\":1 }""#)) == #"<assistant>f {"b": 1}"#)
        // Other JSON than objects, and what is none.
        #expect(try render(Self.concatenates, Self.call("", #", "arguments": "[1,2]""#)) == "<assistant>f [1, 2]")
        #expect(try render(Self.concatenates, Self.call("", #", "arguments": "{cut""#)) == #"<assistant>f "{cut""#)
        // A bare dictionary would print as Python.
        let bare = "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls %}{{ c.function.arguments }}{% endfor %}{% endfor %}"
        #expect(try render(bare, object) == #"{"b": [1, 2.0], "a": "ü"}"#)
    }

    @Test func numbersReachTheTemplateAsTheyAre() throws {
        let written = "[12345678901234567890123, -9223372036854775809, 18446744073709551616, 0.1, 1e-07, -0.0, 1e+22, 5e-324, 0, 3.0]"
        let sent = Self.call("", #", "arguments": "{\"n\": \#(written)}""#)
        #expect(try render(Self.concatenates, sent) == #"<assistant>f {"n": \#(written)}"#)
        #expect(try render(Self.concatenates, Self.call("", #", "arguments": {"n": \#(written)}"#)) == #"<assistant>f {"n": \#(written)}"#)
        #expect(try render(Self.asParameters, sent) == "<f><n>\(written)</n>")
    }

    // MARK: Hostile

    /// What a template does at such trials is bounded, and a failure there is no reason to refuse it.
    @Test(arguments: [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "{{ raise_exception('no') }}",
        "{{ messages[7].x.y }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}", "",
    ])
    func hostileTemplatesAreTriedAndKept(_ source: String) throws {
        #expect(try template(source).shape == MessageShape())
    }
}
