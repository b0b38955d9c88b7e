import Foundation
import Testing

@testable import Jinja

struct ValueTests {
    private func render(_ source: String, _ context: [String: Value] = [:]) throws -> String {
        try Template(source).render(context)
    }

    @Test func jsonKeepsTheOrderOfMembers() throws {
        let text = #"{"z": 1, "a": [true, null, -2.5e3, "é\u00e9\ud83d\ude00\n"], "m": {}, "z": 3}"#
        let value = try Value(parsingJSON: text)
        #expect(try render("{{ v | tojson }}", ["v": value]) == #"{"z": 3, "a": [true, null, -2500.0, "éé😀\n"], "m": {}}"#)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "1e", "-", "nul", "\"", "\"\\x\"", "\"\u{01}\"", "[1] 2", "\"\\u12\"", "+1",
        "'a'",
        String(repeating: "[", count: 5000),
    ])
    func malformedJSONIsRefused(_ text: String) {
        #expect(throws: JinjaError.self) { try Value(parsingJSON: text) }
    }

    @Test func jsonThatIsNotUTF8IsRefused() {
        #expect(throws: JinjaError.self) { try Value(parsingJSON: Data([0x22, 0xFF, 0x22])) }
    }

    @Test func foundationJSONConverts() throws {
        let json = try JSONSerialization.jsonObject(with: Data(#"{"b": [1, 2.5, true, null, "x"], "a": 1.0}"#.utf8))
        let shown = try render("{{ v }}", ["v": Value(json: json)])
        #expect(shown == "{'a': 1.0, 'b': [1, 2.5, True, None, 'x']}" || shown == "{'a': 1, 'b': [1, 2.5, True, None, 'x']}")
    }

    @Test func stringsAreComparedByCodePoints() throws {
        #expect(try render("{{ a == b }}", ["a": "é", "b": "e\u{301}"]) == "False")
        var object = OrderedObject([("é", 1)])
        object["e\u{301}"] = 2
        #expect(object.count == 2)
        #expect(object["é"]?.integer == 1)
    }

    @Test func largeMappingsFindTheirKeys() throws {
        var object = OrderedObject()
        for number in 0..<1000 { object["k\(number)"] = .int(number) }
        object["k500"] = "changed"
        object["k0"] = nil
        #expect(object.count == 999)
        #expect(object["k0"] == nil)
        #expect(object["k999"]?.integer == 999)
        #expect(try render("{{ o.k500 }} {{ o|length }} {{ (o|list)[0] }}", ["o": .object(object)]) == "changed 999 k1")
    }

    @Test func clockIsInjected() throws {
        var parts = DateComponents()
        (parts.year, parts.month, parts.day, parts.hour) = (2031, 2, 3, 4)
        let date = try #require(Calendar(identifier: .gregorian).date(from: parts))
        #expect(try Template("{{ strftime_now('%d %b %Y %H') }}").render([:], now: { date }) == "03 Feb 2031 04")
    }

    @Test func errorsNameTheLine() {
        #expect(throws: JinjaError.runtime("'x' is undefined", line: 3)) { try render("a\n\n{{ x.y }}") }
        #expect(throws: JinjaError.syntax("unknown tag 'nope'", line: 2)) { try render("a\n{% nope %}") }
        #expect(throws: JinjaError.raised("Roles must alternate")) { try render("{{ raise_exception('Roles must alternate') }}") }
    }
}
