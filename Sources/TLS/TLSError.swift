/// Why a server cannot speak TLS.
package enum TLSError: Error, Equatable, CustomStringConvertible {
    case unreadable(file: String, reason: String)
    /// The file holds no certificate, or one that cannot be read.
    case noCertificate(file: String, reason: String)
    case noKey(file: String, reason: String)
    case mismatched(certificate: String, key: String)
    /// Since when it is of no use any more, as the certificate writes it.
    case expired(file: String, since: String)
    case notYetValid(file: String, until: String)
    case unavailable(reason: String)

    package var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): it cannot be read: \(reason)"
        case .noCertificate(let file, let reason):
            "\(file): wanted certificates in PEM, the server's own first and then those that lead to its authority; \(reason)"
        case .noKey(let file, let reason): "\(file): wanted one private key in PEM without a password; \(reason)"
        case .mismatched(let certificate, let key):
            "\(key) is not the key of the first certificate in \(certificate); name the pair that was made together"
        case .expired(let file, let since): "\(file): the certificate is of no use since \(since); renew it"
        case .notYetValid(let file, let until): "\(file): the certificate is of no use before \(until); look at this machine's clock"
        case .unavailable(let reason): "OpenSSL cannot be used: \(reason)"
        }
    }
}
