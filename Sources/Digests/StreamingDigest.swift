import CCrypto

// Digests and signatures of bytes, computed by OpenSSL's libcrypto. Knows nothing of files, packs or what a digest stands for.

/// A digest of bytes that come in pieces.
package struct StreamingDigest: ~Copyable {
    package enum Algorithm: Sendable {
        /// 32 bytes.
        case sha256
        /// 20 bytes. For the names that git gives content, never against malice.
        case sha1
    }

    private let context: OpaquePointer

    package init(_ algorithm: Algorithm = .sha256) {
        context = Self.made(EVP_MD_CTX_new())
        let function = algorithm == .sha256 ? DigestFunctions.sha256 : DigestFunctions.sha1
        Self.require(EVP_DigestInit_ex2(context, function.pointer, nil))
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        Self.require(EVP_DigestUpdate(context, start, bytes.count))
    }

    package mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The digest of what came so far; more may follow.
    package func value() -> [UInt8] {
        let copy = Self.made(EVP_MD_CTX_new())
        defer { EVP_MD_CTX_free(copy) }
        Self.require(EVP_MD_CTX_copy_ex(copy, context))
        return [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var size: UInt32 = 0
            Self.require(EVP_DigestFinal_ex(copy, buffer.baseAddress, &size))
            count = Int(size)
        }
    }

    /// The same as `value()`, as lowercase hexadecimal digits.
    package func hex() -> String { HexText.of(value()) }

    private static func made(_ context: OpaquePointer?) -> OpaquePointer {
        guard let context else { fatalError("no memory for a digest") }
        return context
    }

    /// Hashing memory does not fail but for want of memory.
    private static func require(_ result: Int32) {
        guard result == 1 else { fatalError("OpenSSL cannot compute a digest; does its configuration allow SHA-256 and SHA-1?") }
    }
}

/// SHA-256 of what is whole in memory.
package enum SHA256 {
    /// - Returns: 32 bytes.
    package static func of(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = StreamingDigest()
        digest.update(bytes)
        return digest.value()
    }

    /// - Returns: 32 bytes.
    package static func of(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable { of(UnsafeRawBufferPointer($0)) } ?? Array(bytes).withUnsafeBytes { of($0) }
    }
}

/// Looked up once: OpenSSL searches its providers for each name.
private struct DigestFunctions: @unchecked Sendable {
    // Never written and never freed; OpenSSL lets threads share it.
    let pointer: OpaquePointer

    static let sha256 = DigestFunctions("SHA256")
    static let sha1 = DigestFunctions("SHA1")

    private init(_ name: String) {
        guard let found = EVP_MD_fetch(nil, name, nil) else { fatalError("OpenSSL offers no \(name); see its openssl.cnf") }
        pointer = found
    }
}
