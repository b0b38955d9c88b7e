import Foundation
import JSONText
import Testing

@testable import Jinja

struct ValueTests {
    private func render(_ source: String, _ context: [String: Value] = [:]) throws -> String {
        try Template(source).render(context)
    }

    @Test func jsonKeepsTheOrderOfMembers() throws {
        let text = #"{"z": 1, "a": [true, null, -2.5e3, "é\u00e9\ud83d\ude00\n"], "m": {}, "z": 3}"#
        let value = try Value(JSON(parsing: text))
        #expect(try render("{{ v | tojson }}", ["v": value]) == #"{"z": 3, "a": [true, null, -2500.0, "éé😀\n"], "m": {}}"#)
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
