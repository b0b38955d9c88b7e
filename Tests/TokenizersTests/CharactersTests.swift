import Foundation
import Testing

@testable import Tokenizers

/// Every character against the reference: how patterns class it, and what normalisation does with it.
@Suite struct CharactersTests {
    private struct Table: Decodable {
        let patterns: [String: String]
        let blocks: [[String: Entry]]
    }

    private enum Entry: Decodable {
        case first(UInt32)
        case hash(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(UInt32.self) {
                self = .first(number)
            } else {
                self = .hash(try container.decode(String.self))
            }
        }
    }

    private func forEachBlock(_ body: ([Unicode.Scalar], [String: String]) -> Void) throws -> [String: String] {
        let table = try References.decode(Table.self, "characters.json")
        try #require(table.blocks.count > 700)
        for block in table.blocks {
            guard case .first(let first) = block["first"] else { throw References.Reader.Truncated() }
            let hashes = block.compactMapValues { if case .hash(let hash) = $0 { hash } else { nil } }
            body((first..<first + 256).compactMap(Unicode.Scalar.init), hashes)
        }
        return table.patterns
    }

    @Test(arguments: ["gpt2", "qwen2", "o200k", "classes", "digits"])
    func wordsOfEveryCharacter(_ name: String) throws {
        let patterns = try References.decode(Table.self, "characters.json").patterns
        let step: PreTokenizer.Step =
            if name == "digits" {
                .digits(individually: false)
            } else {
                .split(try Pattern(try #require(patterns[name])), .isolated, invert: false)
            }
        let preTokenizer = PreTokenizer(steps: [step])
        let memory = MatchMemory()
        func lengths(_ scalar: Unicode.Scalar) -> [UInt8] {
            var lengths: [UInt8] = []
            var line = "a\(scalar)1\(scalar) \(scalar)\(scalar).'\(scalar)"
            line.withUTF8 { text in
                preTokenizer.forEachWord(of: text, memory) { word in
                    lengths.append(UInt8(word.count { $0 & 0xC0 != 0x80 }))
                }
            }
            return lengths
        }
        _ = try forEachBlock { scalars, wanted in
            var hash = References.Hash()
            for scalar in scalars { hash.add(lengths(scalar)) }
            #expect(hash.text == wanted[name], "\(name): a character of U+\(String(scalars[0].value, radix: 16))...")
        }
    }

    @Test func normalFormOfEveryCharacter() throws {
        _ = try forEachBlock { scalars, wanted in
            var hash = References.Hash()
            for scalar in scalars { hash.add(Normalizer.nfc.normalize("a\u{301}\(scalar)\u{323}\u{338} \(scalar)").utf8) }
            #expect(hash.text == wanted["nfc"], "a character of U+\(String(scalars[0].value, radix: 16))...")
        }
    }

    /// The scan's short cut may only pass characters that the tables call stable.
    @Test func quickScanAgreesWithTheTables() {
        for value in UInt32(0)..<0x110000 {
            guard let scalar = Unicode.Scalar(value), CanonicalComposition.isStable(scalar) else { continue }
            if CanonicalData.shared.isUnstable(scalar) { Issue.record("U+\(String(value, radix: 16)) is passed but not stable") }
        }
    }

    /// Newer runtimes may know more characters, but must know these as the table does.
    @Test func standInsKeepCategoryAndLength() {
        for value in UInt32(0)..<0x110000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let age = scalar.properties.age.map { ($0.major, $0.minor) } ?? (99, 0)
            let newer = age > (14, 0) && age <= (16, 0)
            guard newer == UnicodeStandIns.isNewer(value) else {
                Issue.record("U+\(String(value, radix: 16)) has age \(age), in the table: \(!newer)")
                continue
            }
            guard newer else { continue }
            let length = UTF8.width(scalar)
            if let other = UnicodeStandIns.standIn(for: scalar, length: length) {
                #expect(UTF8.width(other) == length)
                #expect(other.properties.generalCategory == scalar.properties.generalCategory)
                #expect((other.properties.age?.major ?? 99) <= 14)
            } else {
                Issue.record("U+\(String(value, radix: 16)) has no stand-in")
            }
        }
    }
}
