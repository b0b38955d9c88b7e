import NIOCore

/// What a host is called in a URL, a `Host` or an option: `localhost`, `127.0.0.1`, `[::1]`.
struct NetworkName: Equatable {
    /// In lower case, without port, brackets, or the dot that may end a name.
    let text: String

    /// - Parameter authority: `HOST` or `HOST:PORT`; nil for what is neither.
    init?(authority: String) {
        let lower = authority.lowercased()
        var host: Substring
        if lower.hasPrefix("[") {
            guard let end = lower.firstIndex(of: "]") else { return nil }
            host = lower[lower.index(after: lower.startIndex)..<end]
            let rest = lower[lower.index(after: end)...]
            guard rest.isEmpty || Self.isPort(rest) else { return nil }
        } else if lower.count(where: { $0 == ":" }) == 1, let colon = lower.firstIndex(of: ":") {
            host = lower[..<colon]
            guard Self.isPort(lower[colon...]) else { return nil }
        } else {
            host = lower[...]
        }
        if host.hasSuffix(".") { host = host.dropLast() }
        guard !host.isEmpty, !host.contains("@"), !host.contains("/") else { return nil }
        text = String(host)
    }

    /// Whether the name means this machine and nothing else, whoever is asked.
    var isLoopback: Bool {
        // No name server is asked for these (RFC 6761).
        if text == "localhost" || text.hasSuffix(".localhost") { return true }
        return (try? SocketAddress(ipAddress: text, port: 0)).map(\.isLoopback) ?? false
    }

    /// `0.0.0.0` and `[::]`, which reach this machine too.
    var isUnspecified: Bool { (try? SocketAddress(ipAddress: text, port: 0)).map(\.isUnspecified) ?? false }

    private static func isPort(_ text: Substring) -> Bool {
        text.hasPrefix(":") && text.dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
    }
}

extension SocketAddress {
    /// The bytes of the address: 4 or 16; empty for a socket in the file system.
    private var addressBytes: [UInt8] {
        switch self {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: []
        }
    }

    private static let mappedPrefix: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]

    /// The same with an IPv4 address that came as an IPv6 one (`::ffff:192.0.2.1`) unwrapped.
    private var plainBytes: [UInt8] {
        let bytes = addressBytes
        return bytes.starts(with: Self.mappedPrefix) ? Array(bytes.dropFirst(12)) : bytes
    }

    var isUnspecified: Bool { !addressBytes.isEmpty && addressBytes.allSatisfy { $0 == 0 } }

    var isLoopback: Bool {
        let bytes = plainBytes
        return bytes.count == 4 ? bytes[0] == 127 : bytes.count == 16 && bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// Whom the address stands for. One that asks has all addresses of this machine, or all of an IPv6 network (a /64 is the least that
    /// anybody is given), so they count together.
    var owner: String {
        let bytes = plainBytes
        if isLoopback { return "loopback" }
        switch bytes.count {
        case 4: return bytes.map { "\($0)" }.joined(separator: ".")
        case 16:
            return stride(from: 0, to: 8, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
                .joined(separator: ":") + "::/64"
        default: return "local"
        }
    }
}
