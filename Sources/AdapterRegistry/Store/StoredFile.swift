import Digests
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
        var hash = StreamingDigest()
        for file in sorted(by: { $0.path < $1.path }) { hash.update("\(file.sha256)  \(file.path)\n") }
        return "sha256:" + hash.hex()
    }
}
