import CTLS
import Foundation

// TLS for a server: certificates that are read again when they change, and a channel handler that stands between socket and HTTP.
// Knows nothing of HTTP but its name.

/// A certificate with its chain and key, ready to greet clients with. Never changes.
final class TLSContext: @unchecked Sendable {
    // OpenSSL counts references to it and lets threads share it once it is set up.
    let pointer: OpaquePointer

    /// - Throws: `TLSError`.
    init(_ files: TLSFiles) throws(TLSError) {
        guard let made = SSL_CTX_new(TLS_server_method()) else { throw .unavailable(reason: Self.problem) }
        pointer = made
        resa_tls_configure(made)
        resa_tls_ask_for_no_password(made)
        resa_tls_speak_http(made)
        guard resa_tls_set_least_version(made) == 1 else { throw .unavailable(reason: Self.problem) }
        for file in [files.certificate, files.key] {
            guard let handle = fopen(file, "r") else { throw .unreadable(file: file, reason: String(cString: strerror(errno))) }
            fclose(handle)
        }
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(made, files.certificate) == 1 else {
            throw .noCertificate(file: files.certificate, reason: Self.problem)
        }
        // A key of another kind than the certificate's is refused here already, which is a mismatch too.
        guard SSL_CTX_use_PrivateKey_file(made, files.key, SSL_FILETYPE_PEM) == 1 else {
            if Self.isMismatch { throw .mismatched(certificate: files.certificate, key: files.key) }
            throw .noKey(file: files.key, reason: Self.problem)
        }
        guard SSL_CTX_check_private_key(made) == 1 else { throw .mismatched(certificate: files.certificate, key: files.key) }
        guard let certificate = SSL_CTX_get0_certificate(made) else {
            throw .noCertificate(file: files.certificate, reason: "it holds none")
        }
        if X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0 {
            throw .expired(file: files.certificate, since: Self.text(X509_get0_notAfter(certificate)))
        }
        if X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0 {
            throw .notYetValid(file: files.certificate, until: Self.text(X509_get0_notBefore(certificate)))
        }
    }

    deinit { SSL_CTX_free(pointer) }

    private static var isMismatch: Bool {
        let reason = ERR_peek_error() & 0x7fffff
        return reason == UInt(X509_R_KEY_VALUES_MISMATCH) || reason == UInt(X509_R_KEY_TYPE_MISMATCH)
    }

    /// What OpenSSL says went wrong first; forgets the rest.
    private static var problem: String {
        defer { ERR_clear_error() }
        let code = ERR_get_error()
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "OpenSSL does not say why"
    }

    private static func text(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "?" }
        defer { BIO_free(bio) }
        ASN1_TIME_print(bio, time)
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
    }
}
