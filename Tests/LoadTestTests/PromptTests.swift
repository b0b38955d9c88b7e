import Foundation
import JSONText
import Testing

@testable import LoadTest

@Suite struct PromptTests {
    /// A tokenizer to which words with more than `longest` letters are two tokens, and which puts one token before every text.
    private func count(_ text: String, longest: Int) -> Int {
        1 + text.split(separator: " ").reduce(0) { $0 + ($1.count > longest ? 2 : 1) }
    }

    private func text(_ prompt: Prompt) -> String {
        if case .text(let text) = prompt { text } else { "" }
    }

    @Test(arguments: [3, 4, 100])
    func generatedPromptsHaveTheirLengthInTokens(_ longest: Int) async throws {
        let maker = try await PromptMaker(source: .generated(tokens: 300), seed: 5) { count($0, longest: longest) }
        #expect(maker.lengthNote?.hasPrefix("exact") == true)
        for index in 0..<20 { #expect(count(text(maker.prompt(at: index)), longest: longest) == 300) }
    }

    @Test func aTokenizerThatSplitsEveryWordIsAllowedFor() async throws {
        let maker = try await PromptMaker(source: .generated(tokens: 300), seed: 5) { count($0, longest: 0) }
        #expect(maker.lengthNote?.hasPrefix("approximate") == true)
        #expect(abs(count(text(maker.prompt(at: 0)), longest: 0) - 300) <= 3)
    }

    @Test func withoutATokenizerWordsAreCounted() async throws {
        let maker = try await PromptMaker(source: .generated(tokens: 50), seed: 5, count: nil)
        #expect(maker.lengthNote?.hasPrefix("approximate") == true)
        #expect(text(maker.prompt(at: 3)).split(separator: " ").count == 50)
    }

    @Test func generatedPromptsDifferAndRepeatWithTheSeed() async throws {
        func prompts(_ seed: UInt64) async throws -> [String] {
            let maker = try await PromptMaker(source: .generated(tokens: 40), seed: seed, count: nil)
            return (0..<100).map { text(maker.prompt(at: $0)) }
        }
        let first = try await prompts(1)
        #expect(Set(first).count == 100)
        #expect(try await prompts(1) == first)
        #expect(try await prompts(2) != first)
    }

    @Test func prefixesAreShared() async throws {
        let maker = try await PromptMaker(source: .text("end"), prefixTokens: 30, prefixes: 3, seed: 9, count: nil)
        let all = (0..<200).map { text(maker.prompt(at: $0)) }
        #expect(Set(all).count == 3)
        #expect(all.allSatisfy { $0.hasSuffix(" end") && $0.split(separator: " ").count == 31 })
        let counts = Dictionary(grouping: all) { $0 }.mapValues(\.count)
        #expect(counts.values.allSatisfy { $0 > 40 })
    }

    @Test func chatsGetThePrefixInTheirFirstMessage() {
        let chat = Prompt.messages([["role": "system", "content": "Be brief."], ["role": "user", "content": "Hi"]])
        #expect(chat.prefixed(by: "P") == .messages([["role": "system", "content": "P Be brief."], ["role": "user", "content": "Hi"]]))
        #expect(Prompt.text("Hi").prefixed(by: "P") == .text("P Hi"))
    }

    @Test func readsDataSets() throws {
        let lines = """
            {"question": "q", "answer": "a"}
            {"problem": "p"}

            {"prompt": "", "text": "t"}\r
            {"prompt": "x", "messages": [{"role": "user", "content": "m"}]}
            """
        let prompts = try PromptFile.parse(lines.utf8, name: "rows")
        #expect(prompts == [.text("q"), .text("p"), .text("t"), .messages([["role": "user", "content": "m"]])])
    }

    @Test(arguments: [("{\"question\": 3}", "line 1"), ("{\"text\": \"a\"}\nnope", "line 2"), ("\n\n", "no prompts"), ("[]", "line 1")])
    func unusableDataSaysWhere(_ lines: String, _ place: String) throws {
        let error = #expect(throws: LoadTestError.self) { try PromptFile.parse(lines.utf8, name: "rows") }
        #expect("\(try #require(error))".contains(place))
    }

    @Test func aMissingFileIsNamed() throws {
        let error = #expect(throws: LoadTestError.self) { try PromptFile.read(path: "/nowhere/at/all.jsonl") }
        #expect("\(try #require(error))".contains("/nowhere/at/all.jsonl"))
    }
}
