import Testing

@testable import Server

@Suite struct JSONTests {
    @Test func readsEveryKindAndKeepsTheOrderOfMembers() throws {
        let value = try JSONValue(parsing: #" {"z": [1, -2.5, 1e3, true, false, null], "a": "x\n\u00e9\ud83d\ude00", "é": {}} "#)
        #expect(value["z"]?.array == [.int(1), .double(-2.5), .double(1000), .bool(true), .bool(false), .null])
        #expect(value["a"]?.string == "x\né😀")
        #expect(value.object?.keys == ["z", "a", "é"])
    }

    @Test(arguments: [
        "", "{", "[1,", "[1 2]", "{\"a\" 1}", "{a: 1}", "01", "-", "1.", "1e", "tru", "\"a", "\"\\x\"", "\"\\u12g4\"", "[1]x", "1e999",
        "\"\u{01}\"",
    ])
    func refusesWhatIsNoJSON(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity"])
    func namesNaNAndTheFieldThatHoldsIt(_ word: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: "{\"a\": {\"temperature\": \(word)}}") }
        #expect(error?.field == "a.temperature")
        #expect(error?.reason.contains("NaN") == true)
    }

    @Test func refusesInvalidUTF8AndDeepNesting() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: String(repeating: "[", count: 100_000)) }
        #expect(throws: Never.self) { try JSONValue(parsing: String(repeating: "[", count: 60) + String(repeating: "]", count: 60)) }
    }

    @Test func halfASurrogatePairBecomesTheReplacementCharacter() throws {
        #expect(try JSONValue(parsing: #""\ud83d""#).string == "\u{FFFD}")
        #expect(try JSONValue(parsing: #""\ud83d\u0041""#).string == "\u{FFFD}A")
    }

    @Test func saysWhereTheTextStopsBeingJSON() {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: "{\n  \"a\": 1,\n  b: 2}") }
        #expect(error?.line == 3 && error?.column == 3)
    }

    @Test func whatIsWrittenReadsBack() throws {
        let value: JSONValue = ["a": ["\"\\\n\u{01}é😀", nil, true, 1, -0.125], "b": ["c": []]]
        let text = JSONWriter.text(value)
        #expect(try JSONValue(parsing: text) == value)
        #expect(!text.contains("\n") && text.contains("\\u0001"))
    }

    @Test func floatsAreWrittenShortestAndInfinityIsNull() throws {
        #expect(JSONWriter.text(.float(0.1)) == "0.1")
        #expect(JSONWriter.text(.double(.infinity)) == "null")
    }

    @Test func randomBytesNeverTrap() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(seed: seed)
        let alphabet = Array(#"{}[]",:0123456789eE+-.truefalsn\u "#.utf8) + [0xC3, 0xA9, 0xFF, 0x00]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect((try? JSONValue(parsing: JSONWriter.text(value))) == value, "seed \(seed): \(bytes)")
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
