import ArgumentParser
import TLS

/// How `resa serve` speaks TLS.
struct ServeTLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Serve by https alone, with this certificate: PEM, the server's own first and then those that lead to its authority. Read again when it changes.",
            valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The certificate's private key: PEM, without a password. Read again when it changes.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("Seconds the greeting of TLS may take.", valueName: "seconds"))
    var tlsHandshakeTimeout = 10

    func validate() throws {
        try CompanionOptions.check(tlsCert != nil, "--tls-cert", [("--tls-key", tlsKey != nil)])
        try CompanionOptions.check(tlsKey != nil, "--tls-key", [("--tls-cert", tlsCert != nil)])
        try CompanionOptions.check(tlsCert != nil, "--tls-cert", [("--tls-handshake-timeout", tlsHandshakeTimeout != 10)])
        try Limits.check([("--tls-handshake-timeout", tlsHandshakeTimeout, 1...3600)])
    }

    /// Nil serves in clear.
    func certificate() throws(TLSError) -> ServerCertificate? {
        guard let tlsCert, let tlsKey else { return nil }
        return try ServerCertificate(TLSFiles(certificate: tlsCert, key: tlsKey))
    }
}
