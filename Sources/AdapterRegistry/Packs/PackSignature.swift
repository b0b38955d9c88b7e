import Crypto
import Foundation

/// The 96 bytes behind a signed pack's manifest: an Ed25519 public key and its signature over `resa pack signature 1\n` and the 64 bytes of
/// the header, which hold the manifest's hash, which holds the hashes of all files.
struct PackSignature {
    static let size = 96
    private static let context = Data("resa pack signature 1\n".utf8)

    let signer: PackPublicKey
    private let signature: Data

    init(signing header: PackHeader, with key: PackSecretKey) throws(AdapterStorageError) {
        do {
            signature = try key.key.signature(for: Self.context + Data(header.bytes))
        } catch {
            throw .signature(file: "secret key", problem: "it cannot sign: \(error)")
        }
        signer = key.publicKey
    }

    /// - Throws: `.signature` unless it is the key's signature of the header.
    init(_ bytes: [UInt8], of header: PackHeader, file: String) throws(AdapterStorageError) {
        guard let signer = PackPublicKey(raw: Data(bytes.prefix(32))) else {
            throw .signature(file: file, problem: "its signer's key is no key")
        }
        self.signer = signer
        signature = Data(bytes.dropFirst(32))
        guard signer.verifies(signature, of: Self.context + Data(header.bytes)) else {
            throw .signature(file: file, problem: "the signature is not that of key \(signer); the pack was changed after it was signed")
        }
    }

    var bytes: [UInt8] { Array(signer.raw + signature) }
}

/// Who may have signed a pack. Written as `resa-public-key-1:` and the base64 of 32 bytes.
package struct PackPublicKey: Hashable, Sendable, CustomStringConvertible {
    static let prefix = "resa-public-key-1:"
    let raw: Data

    init(_ key: Curve25519.Signing.PublicKey) { raw = key.rawRepresentation }

    init?(raw: Data) {
        guard (try? Curve25519.Signing.PublicKey(rawRepresentation: raw)) != nil else { return nil }
        self.raw = raw
    }

    func verifies(_ signature: Data, of message: Data) -> Bool {
        (try? Curve25519.Signing.PublicKey(rawRepresentation: raw))?.isValidSignature(signature, for: message) ?? false
    }

    /// - Parameter text: the key itself, or the path of a file that holds it.
    package init(_ text: String) throws(AdapterStorageError) {
        let key = try KeyText.read(text, prefix: Self.prefix, what: "public key")
        guard let made = PackPublicKey(raw: key) else { throw .signature(file: text, problem: "it is no public key") }
        self = made
    }

    package var description: String { Self.prefix + raw.base64EncodedString() }
}

/// What packs are signed with. Written as `resa-secret-key-1:` and the base64 of 32 bytes.
package struct PackSecretKey: Sendable {
    static let prefix = "resa-secret-key-1:"
    let key: Curve25519.Signing.PrivateKey

    /// A new one.
    package init() { key = Curve25519.Signing.PrivateKey() }

    package init(path: String) throws(AdapterStorageError) {
        let raw = try KeyText.read(file: path, prefix: Self.prefix, what: "secret key")
        do {
            key = try Curve25519.Signing.PrivateKey(rawRepresentation: raw)
        } catch {
            throw .signature(file: path, problem: "it is no secret key")
        }
    }

    package var publicKey: PackPublicKey { PackPublicKey(key.publicKey) }

    /// Writes the secret key to `path`, for its owner alone to read, and the public key to `path.pub`. Overwrites nothing.
    package func write(to path: String) throws(AdapterStorageError) {
        guard access(path + ".pub", F_OK) != 0 else { throw .exists(path: path + ".pub") }
        let secret = try SystemFile.create(path, mode: 0o600)
        try secret.write(Array((Self.prefix + key.rawRepresentation.base64EncodedString() + "\n").utf8))
        try secret.sync()
        let open = try SystemFile.create(path + ".pub")
        try open.write(Array("\(publicKey)\n".utf8))
        try open.sync()
    }
}

private enum KeyText {
    static func read(_ text: String, prefix: String, what: String) throws(AdapterStorageError) -> Data {
        text.hasPrefix(prefix) ? try parse(text, prefix: prefix, what: what, file: "key") : try read(file: text, prefix: prefix, what: what)
    }

    static func read(file path: String, prefix: String, what: String) throws(AdapterStorageError) -> Data {
        let file = try SystemFile.read(path)
        let text = String(decoding: try file.read(min(file.size(), 4096), what: what), as: UTF8.self)
        return try parse(text, prefix: prefix, what: what, file: path)
    }

    private static func parse(_ text: String, prefix: String, what: String, file: String) throws(AdapterStorageError) -> Data {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.hasPrefix(prefix), let raw = Data(base64Encoded: String(text.dropFirst(prefix.count))), raw.count == 32 else {
            throw .signature(file: file, problem: "wanted a \(what): '\(prefix)' and the base64 of 32 bytes")
        }
        return raw
    }
}
