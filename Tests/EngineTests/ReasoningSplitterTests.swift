import TestRandomness
import Testing

@testable import Engine

@Suite struct ReasoningSplitterTests {
    private func split(_ pieces: [String], startsInside: Bool) -> ReasoningSplitter.Piece {
        var splitter = ReasoningSplitter(startsInside: startsInside)
        var whole = ReasoningSplitter.Piece()
        for piece in pieces {
            let part = splitter.append(piece)
            whole.reasoning += part.reasoning
            whole.content += part.content
        }
        let tail = splitter.finish()
        return .init(reasoning: whole.reasoning + tail.reasoning, content: whole.content + tail.content)
    }

    @Test(arguments: [
        ("<think>\nWhy?\n</think>\n\nBecause.", false, "Why?", "Because."),
        ("\n<think>Why?</think>Because. ", false, "Why?", "Because. "),
        ("Why?\n</think>\n\nBecause.", true, "Why?", "Because."),
        ("No thought, <think> is a tag", false, "", "No thought, <think> is a tag"),
        ("  indented", false, "", "  indented"),
        ("<thin", false, "", "<thin"),
        ("still thinking </thin", true, "still thinking </thin", ""),
        ("a  \n b\n", true, "a  \n b", ""),
        ("</think>", true, "", ""),
        ("\n\n</think>\n\nHi", true, "", "Hi"),
        ("a</think>b</think>c", true, "a", "b</think>c"),
        ("a</think>\u{301}b", true, "a", "\u{301}b"),
        ("", false, "", ""),
    ])
    func splits(_ text: String, _ inside: Bool, _ reasoning: String, _ content: String) {
        #expect(split([text], startsInside: inside) == .init(reasoning: reasoning, content: content))
    }

    @Test func howTheAnswerIsCutDoesNotMatter() {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        let parts = ["<think>", "</think>", "<", "/", "think>", " ", "\n", "a", "é", "😀", "\u{301}", "</thi", "nk>", "\r\n"]
        for _ in 0..<2000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in parts.randomElement(using: &random)! }.joined()
            let inside = Bool.random(using: &random)
            var pieces: [String] = []
            for scalar in text.unicodeScalars {
                if pieces.isEmpty || Bool.random(using: &random) { pieces.append("") }
                pieces[pieces.count - 1].unicodeScalars.append(scalar)
            }
            let cut = split(pieces, startsInside: inside)
            let whole = split([text], startsInside: inside)
            #expect(
                Array(cut.reasoning.unicodeScalars) == Array(whole.reasoning.unicodeScalars)
                    && Array(cut.content.unicodeScalars) == Array(whole.content.unicodeScalars), "seed \(seed): \(pieces)")
        }
    }

    @Test func reasoningIsGivenOutAsItComes() {
        var splitter = ReasoningSplitter(startsInside: true)
        #expect(splitter.append("one ") == .init(reasoning: "one"))
        #expect(splitter.append("two<") == .init(reasoning: " two"))
        #expect(splitter.append("/think") == .init())
        #expect(splitter.isReasoning)
        #expect(splitter.append(">x") == .init(content: "x"))
        #expect(!splitter.isReasoning)
    }
}
