import Testing

@testable import Engine

@Suite struct StopMatcherTests {
    /// Feeds `text` in pieces of every size and checks that the result never depends on the cut.
    @Test(
        arguments: [
            ("hello world", ["wor"], "hello ", "wor"), ("aaab", ["aab"], "a", "aab"), ("abcabd", ["abd"], "abc", "abd"),
            ("no stop here", ["xyz"], "no stop here", nil), ("ab", ["abc"], "ab", nil), ("naïve 日本", ["日本"], "naïve ", "日本"),
            ("one two", ["two", "one t"], "", "one t"), ("日", ["日本"], "日", nil), ("", ["a"], "", nil),
        ] as [(String, [String], String, String?)])
    func theCutDoesNotMatter(text: String, stops: [String], wanted: String, match: String?) {
        let characters = Array(text)
        for size in 1...max(characters.count, 1) {
            var matcher = StopMatcher(stops, includesMatch: false)
            var seen = ""
            var found: String?
            var index = 0
            while index < characters.count, found == nil {
                let piece = String(characters[index..<min(index + size, characters.count)])
                switch matcher.append(piece) {
                case .text(let text): seen += text
                case .stopped(let text, let stop):
                    seen += text
                    found = stop
                }
                index += size
            }
            if found == nil { seen += matcher.finish() }
            #expect(seen == wanted, "pieces of \(size)")
            #expect(found == match, "pieces of \(size)")
        }
    }

    @Test func textIsHeldBackOnlyWhileItMayBecomeAStop() {
        var matcher = StopMatcher(["END"], includesMatch: false)
        #expect(matcher.append("the E") == .text("the "))
        #expect(matcher.append("N") == .text(""))
        #expect(matcher.append("X") == .text("ENX"))
        #expect(matcher.finish() == "")
    }
}
