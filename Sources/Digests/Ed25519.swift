import CCrypto

/// Ed25519 signatures (RFC 8032).
package enum Ed25519 {
    /// Bytes of a secret key's seed, and of a public key.
    package static let keySize = 32
    package static let signatureSize = 64

    /// A new secret key: 32 bytes from the system's generator.
    /// - Throws: `Failure` when it has none to give.
    package static func secretKey() throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: keySize)
        guard RAND_priv_bytes(&bytes, Int32(keySize)) == 1 else { throw Failure(what: "the system gives no random bytes") }
        return bytes
    }

    /// - Parameter secret: 32 bytes.
    /// - Throws: `Failure` when it is no key.
    package static func publicKey(of secret: [UInt8]) throws(Failure) -> [UInt8] {
        let key = try Key(secret: secret)
        var bytes = [UInt8](repeating: 0, count: keySize)
        var count = keySize
        guard EVP_PKEY_get_raw_public_key(key.pointer, &bytes, &count) == 1, count == keySize else {
            throw Failure(what: "OpenSSL gives no public key")
        }
        return bytes
    }

    /// - Returns: 64 bytes, the same for the same key and message.
    /// - Throws: `Failure` when it is no key.
    package static func sign(_ message: [UInt8], with secret: [UInt8]) throws(Failure) -> [UInt8] {
        let key = try Key(secret: secret)
        let context = try SignatureContext()
        var bytes = [UInt8](repeating: 0, count: signatureSize)
        var count = signatureSize
        guard EVP_DigestSignInit_ex(context.pointer, nil, nil, nil, nil, key.pointer, nil) == 1,
            EVP_DigestSign(context.pointer, &bytes, &count, message, message.count) == 1, count == signatureSize
        else { throw Failure(what: "OpenSSL does not sign") }
        return bytes
    }

    /// Whether `signature` (64 bytes) is that of `message` by the owner of the key.
    package static func verifies(_ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8]) -> Bool {
        guard signature.count == signatureSize, let key = try? Key(public: publicKey), let context = try? SignatureContext(),
            EVP_DigestVerifyInit_ex(context.pointer, nil, nil, nil, nil, key.pointer, nil) == 1
        else { return false }
        return EVP_DigestVerify(context.pointer, signature, signature.count, message, message.count) == 1
    }

    /// Whether they can be a public key: 32 bytes.
    package static func isPublicKey(_ bytes: [UInt8]) -> Bool { (try? Key(public: bytes)) != nil }

    /// Why there is no key or no signature.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        fileprivate init(what: String) { description = what }
    }

    private struct Key: ~Copyable {
        let pointer: OpaquePointer

        init(secret bytes: [UInt8]) throws(Failure) {
            try self.init(bytes, EVP_PKEY_new_raw_private_key_ex(nil, "ED25519", nil, bytes, bytes.count))
        }

        init(public bytes: [UInt8]) throws(Failure) {
            try self.init(bytes, EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, bytes, bytes.count))
        }

        private init(_ bytes: [UInt8], _ made: OpaquePointer?) throws(Failure) {
            guard let made else { throw Failure(what: "\(bytes.count) bytes are no Ed25519 key of \(keySize)") }
            pointer = made
        }

        deinit { EVP_PKEY_free(pointer) }
    }

    private struct SignatureContext: ~Copyable {
        let pointer: OpaquePointer

        init() throws(Failure) {
            guard let made = EVP_MD_CTX_new() else { throw Failure(what: "there is no memory for it") }
            pointer = made
        }

        deinit { EVP_MD_CTX_free(pointer) }
    }
}
