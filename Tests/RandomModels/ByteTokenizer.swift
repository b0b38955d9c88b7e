import Foundation
import Tokenizers

/// A tokenizer with one token per byte and no merges: token ids are byte values.
package enum ByteTokenizer {
    package static func make() -> Tokenizer {
        do {
            return try Tokenizer(tokenizerJSON: JSONSerialization.data(withJSONObject: file(vocabulary: vocabulary)), config: nil)
        } catch {
            fatalError("the byte tokenizer must load: \(error)")
        }
    }

    /// Token ids by name.
    package static var vocabulary: [String: Int] {
        Dictionary(uniqueKeysWithValues: byteCharacters().enumerated().map { ($1, $0) })
    }

    /// What its `tokenizer.json` holds.
    package static func file(vocabulary: [String: Int]) -> [String: Any] {
        [
            "added_tokens": [Any](),
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
