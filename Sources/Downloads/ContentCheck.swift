import Digests
import Foundation

/// What a file's content must be, as far as anybody said.
enum ContentCheck: Sendable, Equatable, Codable {
    /// 64 lowercase hexadecimal digits.
    case sha256(String)
    /// The name that git gives the content: SHA-1 over `blob SIZE`, a zero byte, and the content. 40 lowercase hexadecimal digits.
    case gitBlob(String)
}

/// Digests of bytes as they come.
struct ContentHasher: ~Copyable {
    private var sha256 = StreamingDigest()
    private var gitBlob: StreamingDigest?

    /// - Parameter size: the whole file's, which git hashes first; nil when no git name is wanted.
    init(gitBlobOf size: Int? = nil) {
        guard let size else { return }
        gitBlob = StreamingDigest(.sha1)
        gitBlob?.update("blob \(size)\u{0}")
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        sha256.update(bytes)
        gitBlob?.update(bytes)
    }

    /// - Returns: SHA-256 in hexadecimal digits.
    /// - Throws: `PullError.wrongDigest`.
    func finish(file: String, check: ContentCheck?) throws(PullError) -> String {
        let digest = sha256.hex()
        switch check {
        case .sha256(let wanted) where wanted != digest:
            throw .wrongDigest(file: file, algorithm: "sha256", got: digest, wanted: wanted)
        case .gitBlob(let wanted):
            let got = gitBlob?.hex() ?? ""
            guard got == wanted else { throw .wrongDigest(file: file, algorithm: "git blob", got: got, wanted: wanted) }
        default: break
        }
        return digest
    }
}
