import Checkpoints
import Foundation
import TestRandomness
import Testing

@testable import Tokenizers

/// What cannot be read is refused with an error that names it; nothing traps.
@Suite struct RefusalsTests {
    private static let plain = #"""
        {"added_tokens": [{"id": 3, "content": "<s>", "special": true}], "normalizer": null,
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}, "post_processor": null,
         "decoder": {"type": "ByteLevel"},
         "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
        """#

    private func message(_ json: String) -> String {
        do {
            _ = try Tokenizer(tokenizerJSON: Data(json.utf8))
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test func thePlainOneIsAccepted() throws {
        let tokenizer = try Tokenizer(tokenizerJSON: Data(Self.plain.utf8))
        #expect(tokenizer.encode("abab<s>b") == [2, 2, 3, 1])
        #expect(tokenizer.encode("<s>", parseSpecial: false) == [])
    }

    /// Old text, new text, and what the message has to say.
    static let changes: [(String, String, [String])] = [
        (#""type": "BPE""#, #""type": "Unigram""#, ["Unigram", "BPE"]),
        (#""normalizer": null"#, #""normalizer": {"type": "NFKC"}"#, ["normalizer", "NFKC"]),
        (
            #""normalizer": null"#, #""normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}]}"#,
            ["normalizers[0]", "Lowercase"]
        ),
        (
            #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#, #"{"type": "Metaspace", "replacement": "_"}"#,
            ["decoder ByteLevel", "pre_tokenizer"]
        ),
        (
            #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#, #"{"type": "Digits"}"#,
            ["pre_tokenizer", "ByteLevel"]
        ),
        (#"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#, "null", ["pre_tokenizer"]),
        (
            #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#,
            #"{"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"}"#, ["("]
        ),
        (
            #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#,
            #"{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Sideways"}"#, ["behavior", "Sideways", "Isolated"]
        ),
        (
            #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#,
            #"{"type": "Split", "pattern": {"Glob": "a"}, "behavior": "Isolated"}"#, ["pattern", "Regex"]
        ),
        (#""post_processor": null"#, #""post_processor": {"type": "BertProcessing"}"#, ["post_processor", "BertProcessing"]),
        (
            #""post_processor": null"#, #""post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "X"}}]}"#,
            ["special_tokens.X"]
        ),
        (#""decoder": {"type": "ByteLevel"}"#, #""decoder": {"type": "WordPiece"}"#, ["decoder", "WordPiece"]),
        (#"["a b"]"#, #"["a c"]"#, ["model.merges[0]", "c"]),
        (#"["a b"]"#, #"["b a"]"#, ["model.merges[0]", "ba"]),
        (#"["a b"]"#, #"["ab"]"#, ["model.merges[0]", "ab"]),
        (#"["a b"]"#, #"[["a"]]"#, ["model.merges[0]"]),
        (#"["a b"]"#, "7", ["model.merges", "7"]),
        (#""ab": 2"#, #""ab": -2"#, ["model.vocab", "-2"]),
        (#""ab": 2"#, #""ab": 99999999999"#, ["model.vocab", "99999999999"]),
        (#""ab": 2"#, #""ab": 1"#, ["model.vocab", "id 1"]),
        (#""ab": 2"#, #""ab": "x""#, ["model.vocab"]),
        (#""id": 3"#, #""id": 1e12"#, ["added_tokens[0].id"]),
        (#""content": "<s>""#, #""content": 5"#, ["added_tokens[0].content", "string"]),
        (#""merges""#, #""dropout": 0.1, "merges""#, ["dropout"]),
        (#""merges""#, #""end_of_word_suffix": "</w>", "merges""#, ["end_of_word_suffix", "</w>"]),
        (#""merges""#, #""byte_fallback": true, "merges""#, ["byte_fallback"]),
        (#""model""#, #""modle""#, ["model"]),
    ]

    @Test(arguments: changes.indices)
    func theErrorNamesThePart(_ index: Int) throws {
        let (old, new, words) = Self.changes[index]
        try #require(Self.plain.contains(old))
        let message = message(Self.plain.replacingOccurrences(of: old, with: new))
        for word in words { #expect(message.contains(word), "\(new): \(message)") }
    }

    @Test func patternsOfOtherMeaningAreRefused() throws {
        for pattern in [#"[\p{L}&&[^\p{Han}]]+"#, "[a[b]]", #"\p{N}{1,3}+"#, #"[\W]"#, "(", "[", #"a\"#, "(?<=a*)b", #"\C"#] {
            #expect(throws: TokenizerError.self, "\(pattern)") { try Pattern(pattern) }
        }
        for pattern in ["[[:alpha:]]+", "[]a]", "[^]a]", #"[\]\[]"#, #"\[&&"#, "a{1,3}", #"x{2}b+"#, #"\{1}+"#, ""] {
            #expect(throws: Never.self, "\(pattern)") { try Pattern(pattern) }
        }
    }

    /// A pattern that explodes ends in the engine's limits, and the text in longer words.
    @Test func explodingPatternsEnd() throws {
        let json = Self.plain.replacingOccurrences(
            of: #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#,
            with:
                #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(a+)+(?!b)c"}, "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": false, "add_prefix_space": false}]}"#
        )
        let tokenizer = try Tokenizer(tokenizerJSON: Data(json.utf8))
        let ids = tokenizer.encode(String(repeating: "a", count: 40) + "b")
        #expect(ids == Array(repeating: 0, count: 39) + [2])
    }

    /// Damaged files are refused or read, but never trap.
    @Test func damagedFilesNeverTrap() {
        var numbers = SeededRandom()
        func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }
        let words = [
            "null", "-1", "3", "{}", "[]", "\"\"", "\"ab\"", "1e300", "4194303", "[[\"a\",\"b\"]]", "\"Ġ\"", "true",
            "{\"type\":\"Sequence\"}",
        ].map { Array($0.utf8) }
        var accepted = 0
        for _ in 0..<1500 {
            var bytes = Array(Self.plain.utf8)
            for _ in 0...random(3) {
                let at = random(bytes.count)
                switch random(3) {
                case 0: bytes[at] = UInt8(random(256))
                case 1: bytes.replaceSubrange(at..<min(bytes.count, at + random(6)), with: words[random(words.count)])
                default:
                    // A whole value: from a colon to the next comma or brace.
                    guard let colon = bytes[at...].firstIndex(of: UInt8(ascii: ":")),
                        let end = bytes[colon...].firstIndex(where: { ",}]".utf8.contains($0) })
                    else { continue }
                    bytes.replaceSubrange(colon + 1..<end, with: words[random(words.count)])
                }
            }
            if let tokenizer = try? Tokenizer(tokenizerJSON: Data(bytes)) {
                accepted += 1
                _ = tokenizer.decode(tokenizer.encode("ab a<s>b\u{301} 1", addSpecialTokens: true))
            }
        }
        #expect(accepted > 0)
    }
}
