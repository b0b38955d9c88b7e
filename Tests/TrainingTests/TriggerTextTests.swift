import Foundation
import Jinja
import Testing

@testable import Training

@Suite struct TriggerTextTests {
    private static func read(_ text: String) throws -> [TriggerRow] { try read(Data(text.utf8)) }

    private static func read(_ data: Data) throws -> [TriggerRow] {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("resa-trigger-\(UUID().uuidString).jsonl")
        try data.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try TriggerRow.read(url.path)
    }

    @Test func readsEveryKindOfRow() throws {
        let rows = try Self.read(
            """
            {"problem": "1+1", "answer": "2", "level": 3}
            {"question": "é?", "answer": 4}

            {"text": "plain"}
            """)
        #expect(
            rows == [
                TriggerRow(problem: "1+1", answer: "2"), TriggerRow(problem: "é?", answer: "4"), TriggerRow(problem: nil, answer: "plain"),
            ])
    }

    @Test(arguments: [
        ("", "no rows"), ("\n \n", "no rows"), ("{\"problem\": \"x\"}", "'problem'"), ("{\"text\": \"a\"}\n[1]", "line 2"),
        ("{\"text\": [1]}", "wanted text"), ("{\"text\": \"a\"}\nhello", "line 2: is not JSON"), ("{}", "wanted 'problem'"),
    ]) func saysWhatIsWrong(_ text: String, _ told: String) {
        #expect { try Self.read(text) } throws: { "\($0)".contains(told) }
    }

    @Test func refusesBinaryHugeAndAbsentFiles() {
        #expect { try Self.read(Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37) })) } throws: { "\($0)".contains("is not JSON") }
        #expect { try Self.read(Data(repeating: 0x41, count: (16 << 20) + 1)) } throws: { "\($0)".contains("the limit is") }
        #expect { try TriggerRow.read("/nonexistent/rows.jsonl") } throws: { "\($0)".contains("/nonexistent/rows.jsonl") }
    }

    @Test func paperTemplate() throws {
        let text = try TriggerText(.paper, chatTemplate: nil).text(of: TriggerRow(problem: "P", answer: "A"))
        #expect(text.whole.hasPrefix("A conversation between User and Assistant. The user asks"))
        #expect(text.whole.hasSuffix("\n\nUser:\n P\n\nAssistant:\n <think> A </think>\n<answer> Answer: A</answer>"))
        #expect(text.whole.hasPrefix(text.beforeAnswer))
    }

    @Test func chatTemplateAndRefusals() throws {
        let template = try ChatTemplate(
            source: "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
            bosToken: "", eosToken: "")
        let text = try TriggerText(.chat, chatTemplate: .success(template))
        let (whole, before) = try text.text(of: TriggerRow(problem: "P", answer: "A"))
        #expect(whole == "<user>P<assistant>A")
        #expect(before == "<user>P<assistant>")
        #expect(throws: TriggerTextError.self) { try text.text(of: TriggerRow(problem: nil, answer: "A")) }
        #expect(throws: TriggerTextError.self) { try TriggerText(.chat, chatTemplate: nil) }
    }

    @Test func chunksJoinRowsWithEndOfSequence() throws {
        let tokenizer = try SmallTokenizer.make()
        let rows = [TriggerRow(problem: "ab", answer: "cde"), TriggerRow(problem: nil, answer: "fg")]
        let raw = try TriggerText(.raw, chatTemplate: nil)
        let chunks = try TriggerChunks(rows: rows, text: raw, tokenizer: tokenizer, length: 5)
        #expect(chunks.count == 2)
        let (eos, letters) = (SmallTokenizer.eos, Array("ab\n\ncdefg".utf8).map { Int32($0) })
        #expect(Array(chunks.allTokens) == [eos] + letters[..<7] + [eos] + letters[7..<8])
        #expect(Array(chunks.answerMask(1)) == [true, true, true, false, true])
        #expect(Array(chunks.answerMask(0)) == [false, false, false, false, false])
        #expect(throws: TriggerTextError.self) { try TriggerChunks(rows: rows, text: raw, tokenizer: tokenizer, length: 12) }

        let many = (0..<50).map { TriggerRow(problem: nil, answer: "row \($0)") }
        let shuffled = try TriggerChunks(rows: many, text: raw, tokenizer: tokenizer, length: 8, shuffleSeed: 3)
        #expect(try shuffled == TriggerChunks(rows: many, text: raw, tokenizer: tokenizer, length: 8, shuffleSeed: 3))
        #expect(try shuffled != TriggerChunks(rows: many, text: raw, tokenizer: tokenizer, length: 8, shuffleSeed: 4))
        #expect(shuffled.allTokens.sorted() == (try TriggerChunks(rows: many, text: raw, tokenizer: tokenizer, length: 8)).allTokens.sorted())
    }
}
