import Foundation
import Tensors
import Testing

@testable import Training

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
            guard case TrainingError.badData(_, let at, let what)? = error as? TrainingError else { return false }
            return at == line && what.contains(problem)
        }
    }

    @Test func binaryData() {
        #expect(throws: TrainingError.self) { try read([0x1F, 0x8B, 0, 0, 0xFF, 0x0A, 0x80]) }
        #expect(throws: TrainingError.self) { try read(Array("{\"text\": \"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8)) }
        #expect(throws: TrainingError.self) { try read(Array(repeating: 0x61, count: (64 << 20) + 1)) }
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
        #expect(throws: TrainingError.self) { try TokenChunks(tokens: [1], isAnswer: [true], length: 4, file: "x") }
    }

    @Test func ratesAndClipping() {
        let cosine = LearningRate(peak: 2, schedule: .cosine, warmup: 4, steps: 12)
        #expect((0..<4).map(cosine.rate) == [0, 0.5, 1, 1.5])
        #expect(cosine.rate(4) == 2 && abs(cosine.rate(8) - 1) < 1e-12 && cosine.rate(12) < 1e-12)
        let linear = LearningRate(peak: 2, schedule: .linear, warmup: 0, steps: 4)
        #expect((0...4).map(linear.rate) == [2, 1.5, 1, 0.5, 0])
        #expect(AdamW.clip(norm: 0.5, limit: 1) == 1 && AdamW.clip(norm: 4, limit: nil) == 1)
        #expect(abs(AdamW.clip(norm: 4, limit: 1) - 0.25) < 1e-6)
    }

    @Test func permutations() {
        let order = TrainingSeed.permutation(1000, key: 7)
        #expect(order.sorted() == Array(0..<1000) && order != Array(0..<1000))
        #expect(TrainingSeed.permutation(1000, key: 8) != order)
        #expect(TrainingSeed.permutation(1, key: 8) == [0] && TrainingSeed.permutation(0, key: 8).isEmpty)
    }

    /// About the rate's share is dropped, the rest keeps the mean, and key and projection decide which.
    @Test func dropout() {
        let pool = WorkerPool(threads: 2)
        let ones = StoredMatrix(rows: 40, columns: 250)
        ones.view.fill(1)
        func masked(_ key: UInt64, _ entry: Int) -> [Float] {
            let result = StoredMatrix(rows: 40, columns: 250)
            LayerPass.Dropout(rate: 0.3, key: key).apply(ones.view, entry: entry, into: result.view, pool: pool)
            return result.view.elements
        }
        let first = masked(1, 2)
        let dropped = first.count { $0 == 0 }
        // Five standard deviations.
        #expect(abs(dropped - 3000) < 230)
        #expect(first.allSatisfy { $0 == 0 || abs($0 - 1 / 0.7) < 1e-6 })
        #expect(first == masked(1, 2) && first != masked(1, 3) && first != masked(2, 2))
    }
}
