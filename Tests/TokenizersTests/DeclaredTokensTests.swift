import Checkpoints
import Foundation
import JSONText
import Testing
import Tokenizers

/// Tokens that only the files beside `tokenizer.json` name, and files that disagree: as `transformers` has it.
@Suite struct DeclaredTokensTests {
    private struct Case: Decodable {
        struct Token: Decodable {
            let id: Int32
            let content: String
            let special: Bool
        }

        let folder: String
        let bos: String
        let eos: String
        let size: Int
        let tokens: [Token]
        let lines: [String]
        let ids: [[Int32]]
        let shown: [String]
    }

    private func open(_ folder: URL) throws -> Tokenizer {
        let file = folder.appendingPathComponent("tokenizer_config.json").path
        let config = FileManager.default.fileExists(atPath: file) ? try JSON(file: file) : nil
        return try Tokenizer(
            tokenizerJSON: Data(contentsOf: folder.appendingPathComponent("tokenizer.json")),
            declared: HuggingFaceFolder.declaredTokens(in: folder, tokenizerConfig: config))
    }

    @Test func everyFolderEqualsTransformers() throws {
        let cases = try References.decode([Case].self, "declared.json")
        try #require(cases.count >= 30)
        for entry in cases {
            let tokenizer = try open(References.file("declared/\(entry.folder)"))
            #expect(tokenizer.bosText == entry.bos, "\(entry.folder)")
            #expect(tokenizer.eosText == entry.eos, "\(entry.folder)")
            #expect(tokenizer.vocabSize == entry.size, "\(entry.folder)")
            for token in entry.tokens {
                #expect(tokenizer.id(of: token.content) == token.id, "\(entry.folder): \(token.content)")
                #expect(tokenizer.isSpecial(token.id) == token.special, "\(entry.folder): \(token.content)")
            }
            for (index, line) in entry.lines.enumerated() {
                #expect(tokenizer.encode(line, addSpecialTokens: false) == entry.ids[index], "\(entry.folder): \(line)")
                #expect(tokenizer.decode(entry.ids[index], skipSpecialTokens: true) == entry.shown[index], "\(entry.folder): \(line)")
            }
        }
    }

    @Test(
        arguments: [
            (#"{"added_tokens_decoder": {"x": {"content": "<a>"}}}"#, "token ids"),
            (#"{"added_tokens_decoder": {"256": "<a>"}}"#, "an object with content"),
            (#"{"added_tokens_decoder": {"256": {"content": 5}}}"#, "a string"),
            (#"{"added_tokens_decoder": {"256": {"content": "a", "special": 1}}}"#, "true or false"),
            (#"{"extra_special_tokens": [7]}"#, "a string"),
        ])
    func malformedFilesAreRefusedByName(_ config: String, _ wanted: String) throws {
        let file = try Data(contentsOf: References.file("declared/decoder/tokenizer.json"))
        #expect {
            _ = try Tokenizer(tokenizerJSON: file, declared: DeclaredTokenFiles(config: JSON(parsing: config)))
        } throws: {
            "\($0)".contains("tokenizer_config.json") && "\($0)".contains(wanted)
        }
        #expect { _ = try Tokenizer(tokenizerJSON: file, declared: DeclaredTokenFiles(addedTokens: ["<a>": "b"])) } throws: {
            "\($0)".contains("added_tokens.json") && "\($0)".contains("a token id")
        }
    }
}
