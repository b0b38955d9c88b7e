import TestRandomness
import Testing

@testable import Engine

/// Stop strings and think tags: what the reader sees is searched, and a tag is never cut.
@Suite struct AnswerTextTests {
    private struct Read: Equatable {
        var reasoning = ""
        var content = ""
        var stop: String?
    }

    private func read(_ pieces: [String], _ stops: [String], _ tags: ReasoningTags?, includes: Bool = false) -> Read {
        var conditions = StopConditions(maxTokens: 1)
        (conditions.strings, conditions.includeStopText) = (stops, includes)
        var text = AnswerText(conditions, tags: tags)
        var whole = AnswerText.Piece()
        for piece in pieces where text.stop == nil { whole += text.append(piece) }
        whole += text.finish()
        return Read(reasoning: whole.reasoning, content: whole.content, stop: text.stop)
    }

    private static let answer = "<think>\nSay think twice.\n\nThen < or >.\n</think>\n\nThe <think> tag, think!"

    struct Case: Sendable {
        let stops: [String]
        let reasoning: String
        let content: String
        let stop: String?
    }

    private static let all = "Say think twice.\n\nThen < or >."
    private static let cases = [
        // The letters of tags, and parts of them, are found in the text only.
        Case(stops: ["think"], reasoning: "Say ", content: "", stop: "think"),
        Case(stops: ["<"], reasoning: "Say think twice.\n\nThen ", content: "", stop: "<"),
        Case(stops: [">"], reasoning: "Say think twice.\n\nThen < or ", content: "", stop: ">"),
        Case(stops: ["/"], reasoning: all, content: "The <think> tag, think!", stop: nil),
        Case(stops: ["</"], reasoning: all, content: "The <think> tag, think!", stop: nil),
        Case(stops: ["</think"], reasoning: all, content: "The <think> tag, think!", stop: nil),
        // Nor does one reach over a tag, or into the white space around it.
        Case(stops: [".The", ">.\n</"], reasoning: all, content: "The <think> tag, think!", stop: nil),
        Case(stops: [">.\n\nThe"], reasoning: all, content: "The <think> tag, think!", stop: nil),
        Case(stops: [">\n\nThe"], reasoning: all, content: "The <think> tag, think!", stop: nil),
        Case(stops: ["\n\nThen"], reasoning: "Say think twice.", content: "", stop: "\n\nThen"),
        // In the content a tag is text, but one that names it means the tag that opens the answer.
        Case(stops: ["hink> tag"], reasoning: all, content: "The <t", stop: "hink> tag"),
        Case(stops: ["tag"], reasoning: all, content: "The <think> ", stop: "tag"),
        // Whole tags.
        Case(stops: ["</think>"], reasoning: all, content: "", stop: "</think>"),
        Case(stops: [">.\n</think>\n"], reasoning: "Say think twice.\n\nThen < or", content: "", stop: ">.\n</think>\n"),
        Case(stops: ["<think>"], reasoning: "", content: "", stop: "<think>"),
        Case(stops: ["</think>\n\nThe <think> tag"], reasoning: all, content: "", stop: "</think>\n\nThe <think> tag"),
        // The one that ends first.
        Case(stops: ["</think>", "Then"], reasoning: "Say think twice.\n\n", content: "", stop: "Then"),
    ]

    @Test(arguments: cases) func everyCut(_ wanted: Case) {
        let scalars = Array(Self.answer.unicodeScalars)
        for size in [1, 2, 3, 5, 7, scalars.count] {
            let pieces = stride(from: 0, to: scalars.count, by: size).map {
                String(String.UnicodeScalarView(scalars[$0..<min($0 + size, scalars.count)]))
            }
            let got = read(pieces, wanted.stops, ReasoningTags(startsInside: false))
            #expect(
                got == Read(reasoning: wanted.reasoning, content: wanted.content, stop: wanted.stop), "\(wanted.stops), pieces of \(size)")
        }
    }

    @Test func whatMayBecomeATagIsTextWhenItDoesNot() {
        let inside = ReasoningTags(startsInside: true)
        // Held back until the end, and then found.
        #expect(read(["a <", "/thi"], ["/"], inside) == Read(reasoning: "a <", content: "", stop: "/"))
        #expect(read(["a <", "/thi", "s"], ["/"], inside) == Read(reasoning: "a <", content: "", stop: "/"))
        #expect(read(["<thin"], ["<"], ReasoningTags(startsInside: false)) == Read(stop: "<"))
        #expect(read(["a <", "/think>b"], ["/"], inside) == Read(reasoning: "a", content: "b", stop: nil))
        #expect(read(["ab", "</think>", "ab"], ["abx", "b"], inside, includes: true) == Read(reasoning: "ab", content: "", stop: "b"))
        // What began in the reasoning does not go on in the content.
        #expect(read(["x a", "</think>", "b y"], ["ab"], inside) == Read(reasoning: "x a", content: "b y", stop: nil))
        #expect(read(["x", "</think>", "y"], ["</think>"], inside, includes: true) == Read(reasoning: "x", content: "", stop: "</think>"))
    }

    @Test func hiddenReasoningIsNotSearched() {
        let hidden = ReasoningTags(startsInside: true, isShown: false)
        #expect(read(["one\n\ntwo</think>three\n\nfour"], ["\n\n"], hidden).content == "three")
        #expect(read(["one</think>three"], ["</think>"], hidden).stop == "</think>")
    }

    /// Where nothing is told apart, as in `/v1/completions`, tags are text.
    @Test func plainTextIsSearchedAsItIs() {
        #expect(read(["<thi", "nk>a</think>"], ["think"], nil) == Read(content: "<", stop: "think"))
        #expect(read(["<think>a</th", "ink>"], ["a</think>"], nil) == Read(content: "<think>", stop: "a</think>"))
    }

    /// Whatever the cut, the same is read.
    @Test func theCutDoesNotMatter() {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        let parts = ["<think>", "</think>", "<", "/", "think>", " ", "\n", "a", "b", "ab", "é", "</thi", "nk>"]
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in parts.randomElement(using: &random)! }.joined()
            let stops = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                (0..<Int.random(in: 1...2, using: &random)).map { _ in parts.randomElement(using: &random)! }.joined()
            }
            let tags = [nil, ReasoningTags(startsInside: true), ReasoningTags(startsInside: false)].randomElement(using: &random)!
            let includes = Bool.random(using: &random)
            var pieces: [String] = []
            for scalar in text.unicodeScalars {
                if pieces.isEmpty || Bool.random(using: &random) { pieces.append("") }
                pieces[pieces.count - 1].unicodeScalars.append(scalar)
            }
            let (cut, whole) = (read(pieces, stops, tags, includes: includes), read([text], stops, tags, includes: includes))
            #expect(cut == whole, "seed \(seed): \(pieces), \(stops)")
        }
    }
}
