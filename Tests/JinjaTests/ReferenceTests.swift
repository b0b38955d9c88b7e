import Foundation
import JSONText
import Jinja
import TestSupport
import Testing

/// What jinja2, set up as `transformers` sets it up, answered to the cases of `Tests/Reference/goldens_jinja.py`.
struct ReferenceTests {
    /// 2025-03-09 08:05:07 local time, the clock of the reference.
    static let now: @Sendable () -> Date = {
        var parts = DateComponents()
        (parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second) = (2025, 3, 9, 8, 5, 7)
        return Calendar(identifier: .gregorian).date(from: parts) ?? .distantPast
    }

    struct Case {
        let name: String
        let template: String
        let context: [String: Value]
        /// Nil when the reference refuses.
        let expected: String?
    }

    enum Malformed: Error { case file(String) }

    static func read(_ file: String) throws -> [String: Value] {
        let data = try Data(contentsOf: ReferenceAnswers.folder("jinja").appendingPathComponent(file))
        return try Value(JSON(parsing: data)).members
    }

    private func check(_ cases: [Case]) {
        var wrong: [String] = []
        var parsed: [String: Template] = [:]
        for test in cases {
            var got: String?
            var failure = ""
            do {
                let template = try parsed[test.template] ?? Template(test.template)
                parsed[test.template] = template
                got = try template.render(test.context, now: Self.now)
            } catch {
                failure = "\(error)"
            }
            let agrees = got.map { Array($0.utf8) } == test.expected.map { Array($0.utf8) }
            if !agrees {
                wrong.append("\(test.name)\n   got  \(got.debugDescription) \(failure)\n   want \(test.expected.debugDescription)")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.count) of \(cases.count) differ:\n\(wrong.prefix(40).joined(separator: "\n"))")
    }

    @Test func language() throws {
        let file = try Self.read("language.json")
        guard let data = file["data"]?.members, let list = file["cases"]?.items else { throw Malformed.file("language.json") }
        let cases = list.map { entry in
            let members = entry.members
            let template = members["template"]?.text ?? ""
            return Case(
                name: template, template: template, context: members["context"]?.text == "data" ? data : [:],
                expected: members["expected"]?.text)
        }
        #expect(cases.count > 1000)
        check(cases)
    }

    @Test func chatTemplates() throws {
        let file = try Self.read("chat.json")
        guard let templates = file["templates"]?.members, let list = file["cases"]?.items else { throw Malformed.file("chat.json") }
        let cases = list.map { entry in
            let members = entry.members
            return Case(
                name: members["name"]?.text ?? "", template: templates[members["template"]?.text ?? ""]?.text ?? "",
                context: members["context"]?.members ?? [:], expected: members["expected"]?.text)
        }
        #expect(cases.count > 1000)
        check(cases)
    }
}

extension Value {
    /// The members of an object; empty for anything else.
    var members: [String: Value] {
        guard case .object(let object) = self else { return [:] }
        return Dictionary(object.pairs.map { ($0.text ?? "", $1) }, uniquingKeysWith: { $1 })
    }

    /// The elements of a list; empty for anything else.
    var items: [Value] {
        guard case .array(let items) = self else { return [] }
        return items
    }
}
