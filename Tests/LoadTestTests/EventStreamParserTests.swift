import Measuring
import TestRandomness
import Testing

@testable import LoadTest

@Suite struct EventStreamParserTests {
    private static let document =
        "\u{FEFF}: a comment\ndata: {\"a\": 1}\n\ndata:two\r\ndata: lines\r\n\r\nevent: other\nid: 7\ndata: named\n\n"
        + "data\n\n\n\ndata: r\u{E9}sum\u{E9} \u{1F600}\r\rdata:  blank kept\n\ndatabase: no\n\ndata: [DONE]\n\ndata: never ended\n"
    private static let events = ["{\"a\": 1}", "two\nlines", "named", "", "r\u{E9}sum\u{E9} \u{1F600}", " blank kept", "[DONE]"]

    /// Feeds `document` in pieces that end at `cuts`.
    private func parse(_ document: String, cuts: [Int]) -> [String] {
        let bytes = Array(document.utf8)
        var parser = EventStreamParser()
        var events: [String] = []
        for (start, end) in zip([0] + cuts, cuts + [bytes.count]) {
            // A copy of its own, so that reading beyond a piece would be seen by a sanitizer.
            Array(bytes[start..<end]).withUnsafeBytes { piece in
                parser.consume(piece) { events.append(String(decoding: $0, as: UTF8.self)) }
            }
        }
        return events
    }

    @Test func wholeDocument() {
        #expect(parse(Self.document, cuts: []) == Self.events)
    }

    @Test func everySingleCut() {
        for cut in 0...Self.document.utf8.count {
            #expect(parse(Self.document, cuts: [cut]) == Self.events, "cut at \(cut)")
        }
    }

    @Test func byteByByte() {
        #expect(parse(Self.document, cuts: Array(1..<Self.document.utf8.count)) == Self.events)
    }

    @Test func randomCuts() {
        let seed = SeededRandom.seed()
        var generator = SplitMix64(seed: seed)
        for round in 0..<500 {
            let count = Int.random(in: 0...12, using: &generator)
            let cuts = (0..<count).map { _ in Int.random(in: 0...Self.document.utf8.count, using: &generator) }.sorted()
            #expect(parse(Self.document, cuts: cuts) == Self.events, "seed \(seed), round \(round), cuts \(cuts)")
        }
    }

    @Test func oversizedEventIsDroppedNotKept() {
        var parser = EventStreamParser(maximumEventBytes: 100)
        let piece = Array("data: \(String(repeating: "x", count: 60))".utf8)
        for _ in 0..<10 { piece.withUnsafeBytes { parser.consume($0) { _ in } } }
        #expect(parser.droppedOversized)
    }
}

@Suite struct ChunkFactsTests {
    private func scan(_ text: String) -> ChunkFacts? {
        Array(text.utf8).withUnsafeBytes { ChunkFacts(scanning: $0) }
    }

    @Test(arguments: [
        (#"{"choices":[{"delta":{"content":" a"},"finish_reason":null}]}"#, true, false, false, false),
        (#"{ "choices" : [ { "delta" : { "content" : " a" } } ] , "usage" : null }"#, true, false, false, false),
        (#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, false, false, false, false),
        (#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#, true, false, false, false),
        (#"{"choices":[{"delta":{"reasoning":"hm"}}]}"#, true, false, false, false),
        (#"{"choices":[{"text":"x","logprobs":null,"finish_reason":"length"}]}"#, true, true, false, false),
        (#"{"choices":[{"text":"","finish_reason":"stop"}]}"#, false, true, false, false),
        (#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\""}}]}}]}"#, true, false, false, false),
        (#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#, false, false, true, false),
        (#"{"error":{"message":"no"}}"#, false, false, false, true),
        (#"{"error":null,"choices":[]}"#, false, false, false, false),
        // Only members count, not text that looks like them.
        (#"{"choices":[{"delta":{"role":"\"content\":\"x\"","content":""}}],"id":"content"}"#, false, false, false, false),
        (#"{"choices":[{"logprobs":{"content":[{"token":"a"}]}}],"note":"\\"}"#, false, false, false, false),
        (#"{"choices":[{"delta":{"content":"\\"},"finish_reason":"stop"}]}"#, true, true, false, false),
        (#"{"choices":[{"usage":{"a":1},"error":"deep"}]}"#, false, false, false, false),
    ])
    func tellsWhatAChunkCarries(_ text: String, _ hasText: Bool, _ hasFinish: Bool, _ hasUsage: Bool, _ hasError: Bool) throws {
        let facts = try #require(scan(text))
        #expect(facts.hasText == hasText)
        #expect(facts.hasFinish == hasFinish)
        #expect(facts.hasUsage == hasUsage)
        #expect(facts.hasError == hasError)
    }

    @Test(arguments: [
        "", " ", "null", "[1]", "{", #"{"a"#, #"{"a":"b"#, #"{"a":[1}"#.dropLast().description, #"{"a":1} x"#, #"{"content":"\"#,
    ])
    func refusesWhatIsNoObject(_ text: String) {
        #expect(scan(text) == nil)
    }

    /// Whatever the bytes, the scan ends and stays inside them.
    @Test func survivesDamage() {
        let seed = SeededRandom.seed()
        var generator = SplitMix64(seed: seed)
        let sound = Array(#"{"choices":[{"delta":{"content":"a\"b\\"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}"#.utf8)
        var understood = 0
        for _ in 0..<5000 {
            var bytes = sound
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            bytes.removeLast(Int.random(in: 0...4, using: &generator))
            if bytes.withUnsafeBytes({ ChunkFacts(scanning: $0) }) != nil { understood += 1 }
        }
        #expect(understood > 0 && understood < 5000, "seed \(seed)")
    }
}
