import JSONText
import TestRandomness
import Testing

/// The rules for what other programs send, and the writer.
@Suite struct JSONMessageTests {
    @Test func readsEveryKindAndKeepsTheOrderOfMembers() throws {
        let text = #" {"z": [1, -2.5, 1e3, true, false, null], "a": "x\n\u00e9\ud83d\ude00", "é": {}} "#
        let value = try JSON(parsing: text, rules: .message)
        #expect(value["z"]?.array == [1, -2.5, 1000.0, true, false, nil])
        #expect(value["a"]?.string == "x\né😀")
        #expect(value.object?.keys == ["z", "a", "é"])
    }

    @Test(arguments: [
        "", "{", "[1,", "[1 2]", "{\"a\" 1}", "{a: 1}", "01", "-", "1.", "1e", "tru", "\"a", "\"\\x\"", "\"\\u12g4\"", "[1]x", "1e999",
        "-1e999", "\"\u{01}\"", "nan", "-nan", "-Inf",
    ])
    func refusesWhatIsNoJSON(_ text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text, rules: .message) }
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity"])
    func namesNaNAndTheFieldThatHoldsIt(_ word: String) {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: "{\"a\": {\"temperature\": \(word)}}", rules: .message) }
        #expect(error?.field == "a.temperature")
        #expect(error?.got == word && error?.description.contains("NaN and Infinity are not JSON") == true)
        #expect(error?.fullPlace.hasSuffix(" in a.temperature") == true)
    }

    @Test func namesTheFieldOfANumberThatIsTooLarge() {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: "{\"top_p\": [1, 1e999]}", rules: .message) }
        #expect(error?.field == "top_p" && error?.got == "the number 1e999")
    }

    @Test func refusesInvalidUTF8AndDeepNesting() {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22] as [UInt8], rules: .message) }
        #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 100_000), rules: .message) }
        #expect(throws: Never.self) {
            try JSON(parsing: String(repeating: "[", count: 64) + String(repeating: "]", count: 64), rules: .message)
        }
        let keys = #expect(throws: JSONError.self) {
            try JSON(parsing: String(repeating: "{\"\(String(repeating: "k", count: 1000))\":", count: 64) + "x", rules: .message)
        }
        #expect(keys?.field?.count == 64 * 81 - 1)
        #expect((keys?.description.count ?? .max) < 200)
    }

    @Test func halfASurrogatePairBecomesTheReplacementCharacter() throws {
        for (text, wanted) in [
            (#""\ud83d""#, "\u{FFFD}"), (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (#""\ude00x""#, "\u{FFFD}x"), (#""\ud83d\n""#, "\u{FFFD}\n"),
        ] {
            #expect(try JSON(parsing: text, rules: .message).string == wanted)
        }
    }

    @Test func saysWhereTheTextStopsBeingJSON() {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: "{\n  \"a\": 1,\n  b: 2}", rules: .message) }
        #expect(error?.place == "line 3 column 3" && error?.field == nil)
    }

    @Test func whatIsWrittenReadsBack() throws {
        let value: JSON = ["a": ["\"\\\n\u{01}é😀", nil, true, 1, -0.125], "b": ["c": []]]
        let text = JSONWriter.text(value)
        #expect(try JSON(parsing: text, rules: .message) == value)
        #expect(!text.contains("\n") && text.contains("\\u0001"))
    }

    @Test func floatsAreWrittenShortestAndInfinityIsNull() throws {
        #expect(JSONWriter.text(.float(0.1)) == "0.1")
        #expect(JSONWriter.text(.double(.infinity)) == "null")
    }

    @Test func randomBytesNeverTrap() {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        let alphabet = Array(#"{}[]",:0123456789eE+-.truefalsn\u "#.utf8) + [0xC3, 0xA9, 0xFF, 0x00]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            guard let value = try? JSON(parsing: bytes, rules: .message) else { continue }
            #expect((try? JSON(parsing: JSONWriter.text(value), rules: .message)) == value, "seed \(seed): \(bytes)")
        }
    }
}
