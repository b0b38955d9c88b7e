/// Digests as text.
package enum HexText {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Lowercase, two digits a byte.
    package static func of(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Whether it is the hex of a SHA-256 as this program writes it.
    package static func isSHA256(_ text: String) -> Bool { isHex(text, digits: 64) }

    /// Whether it is so many lowercase hexadecimal digits.
    package static func isHex(_ text: String, digits count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy(digits.contains)
    }
}
