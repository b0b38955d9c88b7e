import Digests
import Foundation

/// The 96 bytes behind a signed pack's manifest: an Ed25519 public key and its signature over `resa pack signature 1\n` and the 64 bytes of
/// the header, which hold the manifest's hash, which holds the hashes of all files.
struct PackSignature {
    static let size = 96
    private static let context = Array("resa pack signature 1\n".utf8)

    let signer: PackPublicKey
    private let signature: [UInt8]

    init(signing header: PackHeader, with key: PackSecretKey) throws(AdapterStorageError) {
        do {
            signature = try Ed25519.sign(Self.context + header.bytes, with: key.raw)
        } catch {
            throw .signature(file: "secret key", problem: "it cannot sign: \(error)")
        }
        signer = key.publicKey
    }

    /// - Throws: `.signature` unless it is the key's signature of the header.
    init(_ bytes: [UInt8], of header: PackHeader, file: String) throws(AdapterStorageError) {
        guard let signer = PackPublicKey(raw: Array(bytes.prefix(Ed25519.keySize))) else {
            throw .signature(file: file, problem: "its signer's key is no key")
        }
        self.signer = signer
        signature = Array(bytes.dropFirst(Ed25519.keySize))
        guard Ed25519.verifies(signature, of: Self.context + header.bytes, by: signer.raw) else {
            throw .signature(file: file, problem: "the signature is not that of key \(signer); the pack was changed after it was signed")
        }
    }

    var bytes: [UInt8] { signer.raw + signature }
}

/// Who may have signed a pack. Written as `resa-public-key-1:` and the base64 of 32 bytes.
package struct PackPublicKey: Hashable, Sendable, CustomStringConvertible {
    static let prefix = "resa-public-key-1:"
    let raw: [UInt8]

    init?(raw: [UInt8]) {
        guard Ed25519.isPublicKey(raw) else { return nil }
        self.raw = raw
    }

    /// - Parameter text: the key itself, or the path of a file that holds it.
    package init(_ text: String) throws(AdapterStorageError) {
        let key = try KeyText.read(text, prefix: Self.prefix, what: "public key")
        guard let made = PackPublicKey(raw: key) else { throw .signature(file: text, problem: "it is no public key") }
        self = made
    }

    package var description: String { Self.prefix + Data(raw).base64EncodedString() }
}

/// What packs are signed with. Written as `resa-secret-key-1:` and the base64 of 32 bytes.
package struct PackSecretKey: Sendable {
    static let prefix = "resa-secret-key-1:"
    fileprivate let raw: [UInt8]
    package let publicKey: PackPublicKey

    /// A new one.
    /// - Throws: `.signature` when the system has no random bytes.
    package init() throws(AdapterStorageError) {
        do {
            try self.init(raw: Ed25519.secretKey())
        } catch {
            throw .signature(file: "secret key", problem: error.description)
        }
    }

    package init(path: String) throws(AdapterStorageError) {
        let raw = try KeyText.read(file: path, prefix: Self.prefix, what: "secret key")
        do {
            try self.init(raw: raw)
        } catch {
            throw .signature(file: path, problem: "it is no secret key")
        }
    }

    private init(raw: [UInt8]) throws(Ed25519.Failure) {
        guard let publicKey = PackPublicKey(raw: try Ed25519.publicKey(of: raw)) else { fatalError("a made key is one") }
        (self.raw, self.publicKey) = (raw, publicKey)
    }

    /// Writes the secret key to `path`, for its owner alone to read, and the public key to `path.pub`. Overwrites nothing.
    package func write(to path: String) throws(AdapterStorageError) {
        guard access(path + ".pub", F_OK) != 0 else { throw .exists(path: path + ".pub") }
        let secret = try SystemFile.create(path, mode: 0o600)
        try secret.write(Array((Self.prefix + Data(raw).base64EncodedString() + "\n").utf8))
        try secret.sync()
        let open = try SystemFile.create(path + ".pub")
        try open.write(Array("\(publicKey)\n".utf8))
        try open.sync()
    }
}

private enum KeyText {
    static func read(_ text: String, prefix: String, what: String) throws(AdapterStorageError) -> [UInt8] {
        text.hasPrefix(prefix) ? try parse(text, prefix: prefix, what: what, file: "key") : try read(file: text, prefix: prefix, what: what)
    }

    static func read(file path: String, prefix: String, what: String) throws(AdapterStorageError) -> [UInt8] {
        let file = try SystemFile.read(path)
        let text = String(decoding: try file.read(min(file.size(), 4096), what: what), as: UTF8.self)
        return try parse(text, prefix: prefix, what: what, file: path)
    }

    private static func parse(_ text: String, prefix: String, what: String, file: String) throws(AdapterStorageError) -> [UInt8] {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.hasPrefix(prefix), let raw = Data(base64Encoded: String(text.dropFirst(prefix.count))), raw.count == Ed25519.keySize
        else {
            throw .signature(file: file, problem: "wanted a \(what): '\(prefix)' and the base64 of 32 bytes")
        }
        return Array(raw)
    }
}
