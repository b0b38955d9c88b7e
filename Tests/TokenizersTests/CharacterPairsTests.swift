import Checkpoints
import Foundation
import TestRandomness
import TestSupport
import Testing

@testable import Tokenizers

/// BPE over characters, with byte fallback and SentencePiece's spaces, against PyPI `tokenizers` and `sentencepiece`.
@Suite struct CharacterPairsTests {
    private struct Answers: Decodable {
        let ids: [[Int32]]
        let texts: [String?]
        let random: [[Int32]]
        let randomTexts: [String]
    }

    static let files = [
        "llama2", "gemma", "mistral", "whole", "unknown", "fused", "gaps", "gpt2", "neox", "roberta", "metaspace-always", "metaspace-never",
    ]
    static let ggufs = ["sp-llama", "sp-gemma", "sp-spaces", "sp-crossing", "sp-unknown"]

    private static func file(_ name: String) throws -> URL { try ReferenceAnswers.folder("characters-bpe").appendingPathComponent(name) }
    private static func open(_ name: String) throws -> Tokenizer {
        if ggufs.contains(name) { return try Tokenizer(gguf: GGUFFile(path: file("\(name).gguf").path)) }
        return try Tokenizer(tokenizerJSON: Data(contentsOf: file("\(name)/tokenizer.json")))
    }
    private static func lines() throws -> [String] { try ReferenceAnswers.decode([String].self, file("lines.json")) }

    @Test(arguments: files + ggufs)
    func linesEqualTheReference(_ name: String) throws {
        let isGGUF = Self.ggufs.contains(name)
        let tokenizer = try Self.open(name)
        let lines = try Self.lines()
        let answers = try ReferenceAnswers.decode(Answers.self, Self.file(isGGUF ? "\(name).ids.json" : "\(name)/ids.json"))
        try #require(lines.count >= 10_000 && answers.ids.count == lines.count && answers.texts.count == lines.count)
        var wrong = 0
        func note(_ what: String) {
            wrong += 1
            if wrong <= 5 { Issue.record("\(name): \(what)") }
        }
        for (index, line) in lines.enumerated() {
            // `sentencepiece` adds no fixed tokens and reads none in the text.
            let got = tokenizer.encode(line, addSpecialTokens: !isGGUF, parseSpecial: !isGGUF)
            if got != answers.ids[index] {
                note("\(line.prefix(80).debugDescription): got \(got.prefix(40)), wanted \(answers.ids[index].prefix(40))")
            }
            guard let text = answers.texts[index] else { continue }
            let decoded = tokenizer.decode(answers.ids[index], skipSpecialTokens: true)
            if !sameBytes(decoded, text) {
                note("\(answers.ids[index].prefix(40)): got \(decoded.debugDescription), wanted \(text.debugDescription)")
            }
        }
        for (ids, text) in zip(answers.random, answers.randomTexts) {
            let decoded = tokenizer.decode(ids)
            if !sameBytes(decoded, text) { note("\(ids): got \(decoded.debugDescription), wanted \(text.debugDescription)") }
        }
        #expect(wrong == 0, "\(name): \(wrong) differences")
    }

    /// Well-formed text comes out in whole characters, and together as `decode` gives it.
    @Test(arguments: files + ggufs)
    func streamsAddUpToTheWhole(_ name: String) throws {
        let tokenizer = try Self.open(name)
        let lines = try Self.lines()
        for index in stride(from: 0, to: lines.count, by: LongTests.isOn ? 1 : 5) {
            let line = lines[index]
            let ids = tokenizer.encode(line, addSpecialTokens: false)
            var stream = StreamingDetokenizer(tokenizer)
            let text = ids.map { stream.append($0) }.joined() + stream.finish()
            let whole = tokenizer.decode(ids, skipSpecialTokens: true)
            if !sameBytes(text, whole) { Issue.record("\(name): \(line.prefix(80).debugDescription): \(text.debugDescription)") }
        }
    }

    /// A text that goes on keeps its space; one that begins loses the one that encoding puts there, and no other.
    @Test func spacesStayInTheMiddle() throws {
        for name in ["llama2", "mistral", "sp-llama"] {
            let tokenizer = try Self.open(name)
            let ids = tokenizer.encode("the  of", addSpecialTokens: false)
            var begins = StreamingDetokenizer(tokenizer)
            var goesOn = StreamingDetokenizer(tokenizer, atBeginning: false)
            #expect(ids.map { begins.append($0) }.joined() == "the  of", "\(name)")
            #expect(ids.map { goesOn.append($0) }.joined() == " the  of", "\(name)")
            #expect(ids.flatMap(tokenizer.bytes(of:)) == Array(" the  of".utf8), "\(name)")
        }
    }

    /// Byte tokens become a character when its last byte is there; bytes that form none are one U+FFFD each.
    @Test func bytesBecomeCharacters() throws {
        let tokenizer = try Self.open("llama2")
        func stream(_ bytes: [UInt8]) throws -> [String] {
            var stream = StreamingDetokenizer(tokenizer)
            var texts: [String] = []
            for byte in bytes {
                let digits = String(byte, radix: 16, uppercase: true)
                texts.append(stream.append(try #require(tokenizer.id(of: "<0x\(digits.count == 1 ? "0" : "")\(digits)>"))))
            }
            return texts + [stream.finish()]
        }
        #expect(try stream([0xF0, 0x9F, 0x98, 0x80, 0x0A]) == ["", "", "", "😀", "\n", ""])
        #expect(try stream([0xE4, 0xBD, 0x41]) == ["", "", "\u{FFFD}\u{FFFD}A", ""])
        #expect(try stream([0xFF, 0xE4, 0xBD]) == ["\u{FFFD}", "", "", "\u{FFFD}\u{FFFD}"])
    }

    /// Cutting words before they are merged must not show, nor any text be lost.
    @Test(arguments: ["llama2", "gemma", "whole", "sp-llama", "sp-gemma", "sp-crossing"])
    func randomTextsComeBack(_ name: String) throws {
        let tokenizer = try Self.open(name)
        var numbers = SeededRandom()
        func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }
        // No "x": " x " is a token of its own, behind which a prefix is put again.
        let parts = ["the", " ", "  ", "of", "\n", "😀", "\u{301}", "\u{2581}", "q", "é", "\0", "的", ".", "<0x41>"]
        for _ in 0..<400 {
            let text = (0..<random(60)).map { _ in
                random(4) > 0 ? parts[random(parts.count)] : String(Unicode.Scalar(UInt32(random(0x110000))) ?? "y")
            }.joined()
            let ids = tokenizer.encode(text, addSpecialTokens: false, parseSpecial: false)
            let wanted = text.unicodeScalars.map { $0 == "\u{2581}" ? " " : String($0) }.joined()
            let got = tokenizer.decode(ids)
            if !sameBytes(got, wanted) { Issue.record("\(name): \(text.debugDescription): \(got.debugDescription)") }
        }
    }

    /// One run of a megabyte: with a merge by scanning this would not end today.
    @Test(arguments: ["llama2", "gemma", "sp-llama", "sp-crossing"])
    func longRunsEnd(_ name: String) throws {
        let tokenizer = try Self.open(name)
        for unit in ["a", " ", "\u{2581}", "ab", "\u{10FFFF}"] {
            let text = String(repeating: unit, count: 1_000_000 / unit.utf8.count)
            let ids = tokenizer.encode(text, addSpecialTokens: false)
            #expect(
                sameBytes(tokenizer.decode(ids), unit == "\u{2581}" ? String(repeating: " ", count: text.unicodeScalars.count) : text),
                "\(name): \(unit)")
        }
    }
}
