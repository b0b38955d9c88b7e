import Foundation
import JSONText
import TestRandomness
import Testing

@Suite struct JSONTests {
    @Test(
        arguments: [
            ("null", JSON.null), (" true ", .bool(true)), ("false", .bool(false)), ("0", .int(0)), ("-0", .int(0)), ("-12", .int(-12)),
            ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
            ("9223372036854775808", .largeInt("9223372036854775808")), ("-9223372036854775809", .largeInt("-9223372036854775809")),
            ("1000000000000000019884624838656", .largeInt("1000000000000000019884624838656")), ("-0.0", .double(-0.0)),
            ("1e30", .double(1e30)), ("9223372036854775808.0", .double(9_223_372_036_854_775_808)), ("5e-324", .double(5e-324)),
            ("1e-400", .double(0)),
            ("1e-06", .double(1e-6)), ("1.5E+2", .double(150)), ("2.0", .double(2)), ("Infinity", .double(.infinity)),
            ("-Infinity", .double(-.infinity)), ("\"\"", .string("")), ("[]", .array([])), ("{}", .object([:])),
            ("[1,[2],{}]", .array([.int(1), .array([.int(2)]), .object([:])])),
            (#"{"a": 1, "b": null, "a": 2}"#, .object(["a": .int(2), "b": .null])), ("\u{FEFF}[1]", .array([.int(1)])),
            (#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude42é🙂""#, .string("a\"\\/\u{8}\u{C}\n\r\té🙂é🙂")),
            (#""1234567\n12345678\u0041123456789""#, .string("1234567\n12345678A123456789")),
        ] as [(String, JSON)])
    func parses(_ text: String, _ expected: JSON) throws {
        #expect(try JSON(parsing: text) == expected)
    }

    @Test func parsesNaN() throws {
        #expect(try JSON(parsing: "[NaN]")[0]?.double?.isNaN == true)
    }

    @Test(
        arguments: [
            ("", "line 1 column 1: got the end of the document, wanted a value"), ("tru", "got 't', wanted a value"),
            ("[1,]", "got ']', wanted a value"),
            ("{\"a\":1,}", "wanted a key in quotes"), ("{\"a\" 1}", "wanted ':' after the key"), ("[1 2]", "wanted ',' or ']'"),
            ("[1", "wanted ',' or ']'"),
            ("{\"a\":1", "wanted ',' or '}'"), ("01", "a leading zero"), ("1.", "wanted a digit"), ("1e", "wanted a digit"),
            (".5", "wanted a value"),
            ("+1", "wanted a value"), ("-", "wanted a value"), ("'a'", "wanted a value"), ("\"abc", "at the end of a string"),
            ("\"a\u{1}\"", "a control character"),
            ("\"12345678\u{1F}\"", "a control character"), (#""\x""#, "after a backslash"), (#""\u12g4""#, "four hexadecimal digits"),
            (#""\u12"#, "four hexadecimal digits"),
            (#""\ud83d""#, "second half of a surrogate pair"), (#""\ud83dabcdefgh""#, "second half of a surrogate pair"),
            (#""\ud83d\u0041""#, "second half"), (#""\ude42""#, "a lone surrogate"),
            ("1 2", "the end of the document"), ("[\n1,\n  x]", "line 3 column 3"), ("\"\\", "wanted an escape"), ("\u{0}", "byte 0x0"),
        ])
    func refuses(_ text: String, _ reason: String) {
        #expect { _ = try JSON(parsing: text) } throws: { "\($0)".contains(reason) }
    }

    @Test(arguments: [[0xFF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xC0, 0x80]] as [[UInt8]])
    func refusesWrongUTF8(_ bytes: [UInt8]) {
        for pad in 0..<9 {
            let document = Data(Array("\"".utf8) + [UInt8](repeating: 0x61, count: pad) + bytes + Array("\"".utf8))
            #expect { _ = try JSON(parsing: document) } throws: { "\($0)".contains("no UTF-8") }
            let escaped = Data(Array("\"\\n".utf8) + bytes + Array("\"".utf8))
            #expect { _ = try JSON(parsing: escaped) } throws: { "\($0)".contains("no UTF-8") }
        }
    }

    @Test func limits() throws {
        let deep = { (levels: Int) in String(repeating: "[", count: levels) + String(repeating: "]", count: levels) }
        _ = try JSON(parsing: deep(128))
        #expect { _ = try JSON(parsing: deep(129)) } throws: { "\($0)".contains("more than 128 levels") }
        #expect { _ = try JSON(parsing: String(repeating: "{\"a\":", count: 100_000)) } throws: { "\($0)".contains("more than 128 levels") }
        #expect { _ = try JSON(parsing: "[1, 2]", rules: .init(maximumBytes: 5)) } throws: { "\($0)".contains("6 bytes") }
        #expect { _ = try JSON(parsing: "{\"a\":1,\"a\":1}", rules: .init(refusesDuplicateKeys: true)) } throws: {
            "\($0)".contains("\"a\" twice")
        }
    }

    @Test func largeWholeNumbersAreKept() throws {
        let text = "[12345678901234567890123,-12345678901234567890123,18446744073709551615,1]"
        let parsed = try JSON(parsing: text)
        #expect(JSONWriter.text(parsed) == text)
        #expect(parsed[0]?.int == nil)
        #expect(parsed[0]?.double == 12_345_678_901_234_567_890_123)
        #expect(parsed[1]?.kind == "the integer -12345678901234567890123")
        let longest = String(repeating: "9", count: 4300)
        #expect(try JSON(parsing: longest, rules: .message) == .largeInt(longest))
        #expect(try JSON(parsing: longest).double == .infinity)
        #expect { _ = try JSON(parsing: longest + "9") } throws: { "\($0)".contains("at most 4300") }
    }

    @Test func gettersNameTheKey() throws {
        let json = try JSON(parsing: #"{"size": 3, "rate": 2.0, "name": "x", "list": ["a", 1], "none": null, "on": true}"#)
        #expect(try json.int("size") == 3)
        #expect(try json.int("rate") == 2)
        #expect(try json.double("size") == 3)
        #expect(try json.string("name") == "x")
        #expect(try json.bool("on"))
        #expect(try json.array("list").count == 2)
        #expect(try json.optionalInt("none") == nil)
        #expect(try json.optionalInt("absent") == nil)
        #expect(json["list"]?[0] == .string("a"))
        #expect(json["list"]?[2] == nil)
        #expect { _ = try json.int("absent") } throws: { "\($0)" == "absent: got nothing, wanted a whole number" }
        #expect { _ = try json.optionalInt("name") } throws: { "\($0)" == "name: got the string \"x\", wanted a whole number" }
        #expect { _ = try json.optionalStrings("list") } throws: { "\($0)" == "list[1]: got the integer 1, wanted a string" }
        #expect { _ = try JSON.array([]).int("size") } throws: { "\($0)".contains("wanted an object that holds it") }
        #expect(JSON.double(1e300).int == nil)
        #expect(JSON.double(.nan).int == nil)
    }

    /// Random documents, written by Foundation, read back the same by Foundation and here.
    @Test func agreesWithFoundation() throws {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let value = Self.randomValue(&random, depth: 4)
            let data = try JSONSerialization.data(withJSONObject: [value], options: random.next() % 2 == 0 ? [.prettyPrinted] : [])
            let parsed = try JSON(parsing: data)
            #expect(Self.sorted(parsed) == JSON.array([Self.json(value)]))
            #expect(try JSON(parsing: JSONWriter.bytes(parsed)) == parsed)
        }
    }

    private static func randomValue(_ random: inout SeededRandom, depth: Int) -> Any {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return NSNull()
        case 1: return Int.random(in: .min ... .max, using: &random) >> Int.random(in: 0..<60, using: &random)
        case 2: return Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 1024 + 1 / 2048
        case 3, 4: return randomString(&random)
        case 5: return (0..<Int.random(in: 0..<6, using: &random)).map { _ in randomValue(&random, depth: depth - 1) }
        default:
            var object: [String: Any] = [:]
            for _ in 0..<Int.random(in: 0..<6, using: &random) { object[randomString(&random)] = randomValue(&random, depth: depth - 1) }
            return object
        }
    }

    private static func randomString(_ random: inout SeededRandom) -> String {
        let alphabet = Array("abcdefghij \"\\/\n\t\u{1}\u{7F}éßЖ大🙂\u{2028}")
        return String((0..<Int.random(in: 0..<30, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "x" })
    }

    private static func json(_ value: Any) -> JSON {
        switch value {
        case is NSNull: .null
        case let integer as Int: .int(integer)
        case let double as Double: .double(double)
        case let string as String: .string(string)
        case let array as [Any]: .array(array.map(json))
        case let object as [String: Any]:
            sorted(.object(JSONObject(object.map { (key: $0.key, value: json($0.value)) })))
        default: .null
        }
    }
    /// The same value with the members of its objects in the order of their keys, since Foundation forgets that of the document.
    private static func sorted(_ value: JSON) -> JSON {
        switch value {
        case .array(let elements): .array(elements.map(sorted))
        case .object(let object):
            .object(
                JSONObject(
                    object.map { (key: $0.key, value: sorted($0.value)) }.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }))
        default: value
        }
    }
}
