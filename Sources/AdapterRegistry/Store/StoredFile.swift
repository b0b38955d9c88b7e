import Crypto
import Foundation

/// One file of an adapter: where it lies in the adapter's folder, and what it holds.
package struct StoredFile: Sendable, Hashable {
    /// Relative to the adapter's folder, parts separated by `/`.
    package let path: String
    /// In bytes.
    package let size: Int
    /// SHA-256 of its bytes, 64 lowercase hexadecimal digits.
    package let sha256: String

    package init(path: String, size: Int, sha256: String) { (self.path, self.size, self.sha256) = (path, size, sha256) }
}

extension Sequence<StoredFile> {
    /// `sha256:` and the hash over one line `<hex of the file>  <path>` per file, sorted by path: the identity of a folder's content.
    package var contentDigest: String {
        var hash = SHA256()
        for file in sorted(by: { $0.path < $1.path }) { hash.update(data: Data("\(file.sha256)  \(file.path)\n".utf8)) }
        return "sha256:" + HexText.of(hash.finalize())
    }
}

/// Digests as text.
enum HexText {
    private static let digits = Array("0123456789abcdef".utf8)

    static func of(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Whether it is the hex of a SHA-256 as this program writes it.
    static func isSHA256(_ text: String) -> Bool { isHex(text, digits: 64) }

    /// Whether it is so many lowercase hexadecimal digits.
    static func isHex(_ text: String, digits count: Int) -> Bool { text.utf8.count == count && text.utf8.allSatisfy(digits.contains) }
}
