import Foundation
import Tokenizers

/// A tokenizer with one token per byte and no merges: token ids are byte values.
package enum ByteTokenizer {
    /// The tags of a tokenizer that has them stand for bytes that UTF-8 never uses.
    package static let think: Int32 = 0xFE
    package static let endOfThink: Int32 = 0xFF

    package static func make(thinkTags: Bool = false) -> Tokenizer {
        let tags = thinkTags ? [(think, "<think>"), (endOfThink, "</think>")] : []
        let added = tags.map { id, tag in
            [
                "id": Int(id), "content": tag, "special": false, "normalized": false, "single_word": false, "lstrip": false,
                "rstrip": false,
            ] as [String: Any]
        }
        let tagged = Set(tags.map { Int($0.0) })
        let json = file(vocabulary: vocabulary.filter { !tagged.contains($0.value) }, added: added)
        do {
            return try Tokenizer(tokenizerJSON: JSONSerialization.data(withJSONObject: json))
        } catch {
            fatalError("the byte tokenizer must load: \(error)")
        }
    }

    /// Token ids by name.
    package static var vocabulary: [String: Int] {
        Dictionary(uniqueKeysWithValues: byteCharacters().enumerated().map { ($1, $0) })
    }

    /// What its `tokenizer.json` holds.
    package static func file(vocabulary: [String: Int], added: [[String: Any]] = []) -> [String: Any] {
        [
            "added_tokens": added,
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
            "decoder": ["type": "ByteLevel"],
            "model": ["type": "BPE", "vocab": vocabulary, "merges": [String]()],
        ]
    }

    /// Byte-level BPE writes each byte as one printable character (GPT-2's table).
    private static func byteCharacters() -> [String] {
        var extra: UInt32 = 256
        return (0..<256).map { byte in
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
                return String(UnicodeScalar(UInt8(byte)))
            }
            defer { extra += 1 }
            return String(UnicodeScalar(extra)!)
        }
    }
}
