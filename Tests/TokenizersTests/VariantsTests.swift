import Checkpoints
import Foundation
import Testing
import Tokenizers

/// Small vocabularies under every option of `tokenizer.json` that is supported, and every pre-tokeniser's name of GGUF.
@Suite struct VariantsTests {
    private struct Variant: Decodable {
        let name: String
        let tokenizer: String
        let lines: [String]
        let ids: [[Int32]]
        let without: [[Int32]]
        let asText: [[Int32]]
    }

    @Test func everyOptionEqualsTheReference() throws {
        let variants = try References.decode([Variant].self, "variants.json")
        try #require(variants.count >= 20)
        for variant in variants {
            let tokenizer = try Tokenizer(tokenizerJSON: Data(variant.tokenizer.utf8))
            var wrong = 0
            for (index, line) in variant.lines.enumerated() {
                let got = [
                    tokenizer.encode(line), tokenizer.encode(line, addSpecialTokens: false),
                    tokenizer.encode(line, addSpecialTokens: false, parseSpecial: false),
                ]
                let wanted = [variant.ids[index], variant.without[index], variant.asText[index]]
                if got != wanted {
                    wrong += 1
                    if wrong <= 3 { Issue.record("\(variant.name): \(line.debugDescription): got \(got), wanted \(wanted)") }
                }
            }
            #expect(wrong == 0, "\(variant.name): \(wrong) of \(variant.lines.count) lines")
        }
    }

    private struct GGUFCase: Decodable {
        let name: String
        let lines: [String]
        let ids: [[Int32]]
    }

    @Test func everyGGUFNameEqualsTheReference() throws {
        let cases = try References.decode([GGUFCase].self, "gguf.json")
        try #require(cases.count >= 6)
        for entry in cases {
            let tokenizer = try Tokenizer(gguf: GGUFFile(path: References.file("gguf/\(entry.name).gguf").path))
            for (line, wanted) in zip(entry.lines, entry.ids) {
                let got = tokenizer.encode(line)
                #expect(got == wanted, "\(entry.name): \(line.debugDescription)")
            }
        }
    }
}
