import Foundation
import Tokenizers

/// A tokenizer with one token per byte and no merges: token ids are byte values.
package enum ByteTokenizer {
    package static func make() -> Tokenizer {
        var vocab: [String: Int] = [:]
        for (byte, character) in byteCharacters().enumerated() { vocab[character] = byte }
        let json: [String: Any] = [
            "added_tokens": [Any](),
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
            "decoder": ["type": "ByteLevel"],
            "model": ["type": "BPE", "vocab": vocab, "merges": [String]()],
        ]
        do {
            return try Tokenizer(tokenizerJSON: JSONSerialization.data(withJSONObject: json), config: nil)
        } catch {
            fatalError("the byte tokenizer must load: \(error)")
        }
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
