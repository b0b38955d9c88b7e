import Foundation
import Jinja
import TestRandomness
import Testing

/// Templates come with models from strangers: whatever they do, rendering ends soon, with an error, and never with a trap.
struct HostileTemplateTests {
    private static let limits = RenderLimits(steps: 300_000, outputBytes: 1 << 20, depth: 400)

    /// Renders on a thread with half the stack a server's threads have.
    private func render(_ source: String) throws -> String {
        let box = Box()
        let thread = Thread {
            box.set(Result { try Template(source).render(["messages": [["role": "user", "content": "hi"]]], limits: Self.limits) })
        }
        thread.stackSize = 4 << 20
        thread.start()
        return try box.wait().get()
    }

    /// Hands one result from the thread to the test.
    private final class Box: @unchecked Sendable {
        // Guarded by the semaphore: written once before `signal`, read once after `wait`.
        private var result: Result<String, any Error>?
        private let done = DispatchSemaphore(value: 0)

        func set(_ value: Result<String, any Error>) {
            result = value
            done.signal()
        }

        func wait() throws -> Result<String, any Error> {
            done.wait()
            return try #require(result)
        }
    }

    @Test(arguments: [
        // Work without end.
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace(s='a') %}{% for i in range(90000) %}{% set ns.s = ns.s.replace('a', 'ab') %}{% endfor %}",
        // Size.
        "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l }}",
        "{{ 'a' * 9223372036854775807 }}", "{{ [1] * 9223372036854775807 }}", "{{ 'ab' * 4611686018427387904 }}",
        "{{ '%9999999999d' % 1 }}", "{{ '%999999.999999f' % 1.5 }}{{ '%1048575s' % 'x' * 9 }}", "{{ '{:9999999999}'.format(1) }}",
        "{{ 'x'.center(9223372036854775807) }}", "{{ 'x'.zfill(9223372036854775807) }}", "{{ 'x'|indent(9223372036854775807) }}",
        "{{ {'a': 1}|tojson(indent=9223372036854775807) }}", "{{ ('ab' * 1000).replace('', 'x' * 100000) }}",
        "{{ range(9223372036854775807) }}",
        "{{ range(-9223372036854775807, 9223372036854775807) }}", "{{ [1]|batch(9223372036854775807, 'x') }}",
        "{{ [1]|slice(9223372036854775807) }}", "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% for i in range(99999) %}{% set x = namespace() %}{% set y = namespace() %}{% set z = cycler(1) %}{% endfor %}",
        // Depth.
        "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = {'a': ns.l} %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l]|batch(1) %}{% endfor %}",
        "{% set ns = namespace(l='a') %}{% for i in range(9999) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}",
        "{% macro f(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}",
        "{{ " + String(repeating: "(", count: 100_000), "{{ " + String(repeating: "[", count: 100_000),
        "{{ " + String(repeating: "-", count: 100_000) + "1 }}", "{{ " + String(repeating: "not ", count: 100_000) + "1 }}",
        "{{ 1" + String(repeating: " + 1", count: 100_000) + " }}", "{{ 1" + String(repeating: "|abs", count: 100_000) + " }}",
        "{{ a" + String(repeating: ".b", count: 100_000) + " }}", "{{ a" + String(repeating: "()", count: 100_000) + " }}",
        "{{ 1" + String(repeating: " if 1 else 1", count: 100_000) + " }}", "{{ 1" + String(repeating: " and 1", count: 100_000) + " }}",
        "{{ a" + String(repeating: "[0:1]", count: 100_000) + " }}", String(repeating: "{% if 1 %}", count: 10_000),
        String(repeating: "{% for a in b %}", count: 10_000), String(repeating: "{% macro a() %}", count: 10_000),
        "{{ " + String(repeating: "{1:", count: 10_000), "{% set " + String(repeating: "(", count: 10_000),
        // Arithmetic at the edges.
        "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 9223372036854775807 * 2 }}", "{{ 10 ** 30 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}", "{{ (-9223372036854775807 - 1)|abs }}",
        "{{ 99999999999999999999 }}", "{{ 2 ** 9223372036854775807 }}", "{{ 1 % 0 }}",
        // Malformed.
        "{{", "{%", "{#", "{{ '", "{{ \"\\", "{{ '\\x", "{{ '\\u12' }}", "{{ 0x }}", "{% raw %}", "{% set %}", "{% for %}", "{{ }}",
        "{{ 1 2 }}", "{{ a[ }}",
        "{{ a[::::] }}", "{{ a[] }}", "{% if %}{% endif %}", "{% macro %}", "{% call x %}{% endcall %}", "{{ '%' % 1 }}",
        "{{ '{'.format() }}",
        "{{ '{0.__class__}'.format(1).x.y }}", "{{ ''.join(1) }}",
    ])
    func endsWithAnError(_ source: String) {
        #expect(throws: JinjaError.self, "\(source.prefix(120))") { try render(source) }
    }

    @Test func modestRecursionFits() throws {
        let source = "{% macro deep(n) %}{% if n > 0 %}({{ deep(n - 1) }}){% endif %}{% endmacro %}{{ deep(40) }}"
        #expect(try render(source) == String(repeating: "(", count: 40) + String(repeating: ")", count: 40))
        let nested = "{{ " + String(repeating: "(", count: 50) + "1" + String(repeating: ")", count: 50) + " }}"
        #expect(try render(nested) == "1")
    }

    /// Random cuts and splices of tokens: parsing and rendering may fail, never trap or hang.
    @Test func randomSourcesNeverTrap() {
        let pieces = [
            "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", " ", "\n", "if", "for", "in", "set", "endif", "endfor", "macro", "endmacro", "x",
            "messages", "loop", "(",
            ")", "[", "]", "{", "}", ".", ",", ":", "|", "=", "==", "is", "not", "'a'", "\"b\"", "1", "2.5", "tojson", "length", "join",
            "range", "namespace",
            "content", "*", "**", "//", "%", "~", "<", "raw", "endraw", "é", "\\", "call", "filter", "with", "first", "sort", "items",
            "else", "elif", "recursive",
        ]
        let seed = SeededRandom.seed()
        var generator = SeededRandom(seed: seed)
        var refused = 0
        for _ in 0..<4000 {
            let source = (0..<Int.random(in: 1..<40, using: &generator)).map { _ in pieces.randomElement(using: &generator)! }.joined()
            do { _ = try Template(source).render(["messages": ["a", "b"], "x": [1, 2]], limits: Self.limits) } catch { refused += 1 }
        }
        // The seed makes a failure repeatable.
        #expect(refused > 1000, "seed \(seed)")
        #expect(refused < 4000, "seed \(seed)")
    }
}
