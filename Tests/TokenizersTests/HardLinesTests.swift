import Foundation
import Testing
import Tokenizers

/// Equality with PyPI `tokenizers` on every line of `tokenizer_lines.py`.
@Suite struct HardLinesTests {
    @Test(arguments: ["qwen", "smollm2"])
    func idsEqualTheReference(_ name: String) throws {
        let tokenizer = try name == "qwen" ? References.qwen() : References.smolLM2()
        let lines = try References.lines()
        let wanted = try References.ids("\(name).ids")
        try #require(lines.count >= 10_000)
        try #require(lines.count == wanted.count)
        var wrong: [Int] = []
        for (index, line) in lines.enumerated() where tokenizer.encode(bytes: line, addSpecialTokens: false) != wanted[index] {
            wrong.append(index)
        }
        for index in wrong.prefix(20) {
            let got = tokenizer.encode(bytes: lines[index], addSpecialTokens: false)
            Issue.record(
                "line \(index) \(String(decoding: lines[index], as: UTF8.self).debugDescription): got \(got), wanted \(wanted[index])")
        }
        #expect(wrong.isEmpty, "\(wrong.count) of \(lines.count) lines differ")
    }

    private struct Hostile: Decodable {
        let unit: String
        let count: Int
        let qwen: String
        let smollm2: String
    }

    @Test func longRunsEqualTheReference() throws {
        let cases = try References.decode([Hostile].self, "hostile.json")
        try #require(cases.count > 10)
        for entry in cases {
            let text = String(repeating: entry.unit, count: entry.count)
            for (tokenizer, wanted) in [(try References.qwen(), entry.qwen), (try References.smolLM2(), entry.smollm2)] {
                var hash = References.Hash()
                hash.add(tokenizer.encode(text, addSpecialTokens: false))
                #expect(hash.text == wanted, "\(entry.count) times \(entry.unit.debugDescription)")
            }
        }
    }

    /// The word cache and its evictions must not show: a second pass, other threads, other texts in between.
    @Test func threadsShareOneTokenizer() async throws {
        let tokenizer = try References.qwen()
        let lines = Array(try References.lines().prefix(4000))
        let wanted = Array(try References.ids("qwen.ids").prefix(4000))
        let wrong = await withTaskGroup(of: Int.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var wrong = 0
                    for step in 0..<1000 {
                        let index = (step * 37 + worker * 613) % lines.count
                        if tokenizer.encode(bytes: lines[index], addSpecialTokens: false) != wanted[index] { wrong += 1 }
                    }
                    return wrong
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }
}
