import Foundation
import Tokenizers

/// A tokenizer with one token per byte and no merges: token ids are byte values.
package enum ByteTokenizer {
    /// The tags of a tokenizer that has them stand for bytes that UTF-8 never uses.
    package static let think: Int32 = 0xFE
    package static let endOfThink: Int32 = 0xFF

    package static func make(thinkTags: Bool = false) -> Tokenizer {
        var vocab: [String: Int] = [:]
        for (byte, character) in byteCharacters().enumerated() { vocab[character] = byte }
        var added: [Any] = []
        if thinkTags {
            for (id, tag) in [(think, "<think>"), (endOfThink, "</think>")] {
                vocab = vocab.filter { $0.value != Int(id) }
                added.append([
                    "id": Int(id), "content": tag, "special": false, "normalized": false, "single_word": false, "lstrip": false,
                    "rstrip": false,
                ])
            }
        }
        let json: [String: Any] = [
            "added_tokens": added,
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
