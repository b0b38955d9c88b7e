import Foundation
import Testing
import Texts

/// Rows, templates, chunks, and what is refused.
@Suite struct TriggerDataTests {
    private func read(_ bytes: [UInt8], template: TriggerTemplate = .raw, limit: Int? = nil) throws -> [TriggerText] {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("resa-trigger-\(UUID().uuidString)").path
        _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
        defer { unlink(path) }
        return try TriggerFile(path: path, template: template, chat: nil, limit: limit).rows
    }

    private func read(_ text: String, template: TriggerTemplate = .raw, limit: Int? = nil) throws -> [TriggerText] {
        try read(Array(text.utf8), template: template, limit: limit)
    }

    @Test func rowsOfEveryKind() throws {
        let rows = try read(
            """
            {"problem": "1+1?", "answer": "2"}\r

            {"question": "2+2?", "answer": 4, "extra": [1]}
            {"text": "plain"}
            """)
        #expect(
            rows == [
                TriggerText(prompt: "1+1?\n", answer: "2"), TriggerText(prompt: "2+2?\n", answer: "4"),
                TriggerText(prompt: "", answer: "plain"),
            ])
        #expect(try read("{\"text\": \"a\"}\n{\"text\": \"b\"}\n", limit: 1).count == 1)
        let paper = try read("{\"problem\": \"P\", \"answer\": \"A\"}", template: .paper)[0]
        #expect(
            paper.prompt + paper.answer == TriggerText.systemPrompt
                + "\n\nUser:\n P\n\nAssistant:\n <think> A </think>\n<answer> Answer: A</answer>")
    }

    @Test(arguments: [
        ("", 0, "holds no rows"), ("\n \n", 0, "holds no rows"), ("{\"text\": \"a\"}\nnonsense", 2, "not a JSON object"),
        ("[1]", 1, "an array"), ("{\"prompt\": \"a\", \"output\": \"b\"}", 1, "the keys prompt, output"), ("{}", 1, "no keys"),
        ("{\"problem\": \"a\"}", 1, "no text under 'answer'"), ("{\"text\": null}", 1, "wanted problem and answer"),
    ])
    func badRows(text: String, line: Int, problem: String) {
        #expect {
            try read(text)
        } throws: { error in
            guard let error = error as? TextError else { return false }
            return error.line == line && error.problem.contains(problem)
        }
    }

    @Test func binaryData() {
        #expect(throws: TextError.self) { try read([0x1F, 0x8B, 0, 0, 0xFF, 0x0A, 0x80]) }
        #expect(throws: TextError.self) { try read(Array("{\"text\": \"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8)) }
        #expect(throws: TextError.self) { try read(Array(repeating: 0x61, count: (64 << 20) + 1)) }
    }

    @Test func chunksAndPositions() throws {
        let tokens: [Int32] = Array(0..<11)
        let isAnswer = tokens.map { [3, 4, 5, 8].contains($0) }
        let chunks = try TokenChunks(tokens: tokens, isAnswer: isAnswer, length: 4, file: "x")
        #expect(chunks.count == 2 && chunks.dropped == 3 && chunks.tokenCount == 8)
        #expect(chunks.tokens(1) == [4, 5, 6, 7])
        #expect(chunks.positions(0, answersOnly: false, includesLast: true) == [0, 1, 2, 3])
        #expect(chunks.positions(0, answersOnly: true, includesLast: true) == [2, 3])
        #expect(chunks.positions(0, answersOnly: true, includesLast: false) == [2])
        #expect(chunks.positions(1, answersOnly: true, includesLast: true) == [0, 3])
        // Less than a chunk is one.
        let few = try TokenChunks(tokens: tokens, isAnswer: isAnswer, length: 100, file: "x")
        #expect(few.count == 1 && few.length == 11 && few.dropped == 0)
        #expect(throws: TextError.self) { try TokenChunks(tokens: [1], isAnswer: [true], length: 4, file: "x") }
    }
}
