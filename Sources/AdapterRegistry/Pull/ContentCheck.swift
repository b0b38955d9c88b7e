import Crypto
import Foundation

/// What a file's content must be, as far as anybody said.
enum ContentCheck: Sendable, Equatable, Codable {
    /// 64 lowercase hexadecimal digits.
    case sha256(String)
    /// The name that git gives the content: SHA-1 over `blob SIZE`, a zero byte, and the content. 40 lowercase hexadecimal digits.
    case gitBlob(String)
}

/// Digests of bytes as they come.
struct ContentHasher {
    private var sha256 = SHA256()
    private var gitBlob: Insecure.SHA1?

    /// - Parameter size: the whole file's, which git hashes first; nil when no git name is wanted.
    init(gitBlobOf size: Int? = nil) {
        guard let size else { return }
        var hash = Insecure.SHA1()
        hash.update(data: Data("blob \(size)\u{0}".utf8))
        gitBlob = hash
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        sha256.update(bufferPointer: bytes)
        gitBlob?.update(bufferPointer: bytes)
    }

    /// - Returns: SHA-256 in hexadecimal digits.
    /// - Throws: `PullError.wrongDigest`.
    func finish(file: String, check: ContentCheck?) throws(PullError) -> String {
        let digest = HexText.of(sha256.finalize())
        switch check {
        case .sha256(let wanted) where wanted != digest:
            throw .wrongDigest(file: file, algorithm: "sha256", got: digest, wanted: wanted)
        case .gitBlob(let wanted):
            let got = gitBlob.map { HexText.of($0.finalize()) } ?? ""
            guard got == wanted else { throw .wrongDigest(file: file, algorithm: "git blob", got: got, wanted: wanted) }
        default: break
        }
        return digest
    }
}
