/// Who may make this machine fetch what.
///
/// A person at the terminal may do anything. A request that comes over HTTP may not, unless the operator names the hosts: it would let
/// strangers reach what only this machine can reach. Names are checked on every hop, addresses when the socket is made, so that a name
/// that resolves differently a second time gains nothing.
package enum PullPolicy: Sendable, Equatable {
    case unrestricted
    case off
    /// https only, these hosts only (`*.example.org` means every host below it), and no address but public ones. A redirect leads to a
    /// further host only when that is named too.
    ///
    /// And `origins`, which are exact servers: scheme, host and port. Whoever names one means that machine, so there http will do, and the
    /// address may be a private one.
    case hosts(Set<String>, origins: [WebAddress] = [])

    /// - Throws: `PullError.forbidden`.
    func check(_ source: PullSource) throws(PullError) {
        switch (self, source) {
        case (.unrestricted, _), (.hosts, .hub): break
        case (.off, _):
            throw .forbidden(address: source.description, reason: "pulls asked for over HTTP are off; the operator can allow hosts")
        case (.hosts, .local): throw .forbidden(address: source.description, reason: "files of this machine cannot be asked for over HTTP")
        case (.hosts, .web(let address)): try check(address)
        }
    }

    /// - Throws: `PullError.forbidden`.
    func check(_ address: WebAddress) throws(PullError) {
        switch self {
        case .unrestricted: break
        case .off: throw .forbidden(address: address.shown, reason: "pulls asked for over HTTP are off; the operator can allow hosts")
        case .hosts(let hosts, _):
            if isOrigin(address) { return }
            guard address.scheme == "https" else { throw .forbidden(address: address.shown, reason: "only https is allowed") }
            let isNamed = hosts.contains { pattern in
                let pattern = pattern.lowercased()
                return pattern.hasPrefix("*.") ? address.host.hasSuffix(pattern.dropFirst()) : address.host == pattern
            }
            guard isNamed else {
                throw .forbidden(address: address.shown, reason: "the host \(address.host) is not on the operator's list")
            }
        }
    }

    /// Whether sockets for `address` may be opened to public addresses only.
    func onlyPublicAddresses(for address: WebAddress) -> Bool { self != .unrestricted && !isOrigin(address) }

    /// Whether names are resolved here, and not by a proxy.
    var refusesProxies: Bool { self != .unrestricted }

    private func isOrigin(_ address: WebAddress) -> Bool {
        guard case .hosts(_, let origins) = self else { return false }
        return origins.contains { $0.hasSameOrigin(as: address) }
    }
}

extension PullPolicy {
    /// What an operator allows: hosts by name, and servers as `SCHEME://HOST[:PORT]`. None of either allows nothing.
    package init(places: [String]) {
        let origins = places.compactMap(Self.origin)
        let hosts = Set(places.filter { Self.origin($0) == nil })
        self = places.isEmpty ? .off : .hosts(hosts, origins: origins)
    }

    /// Whether it is one of them.
    package static func isPlace(_ text: String) -> Bool {
        origin(text) != nil || (!text.isEmpty && !text.contains("/") && !text.contains(":"))
    }

    private static func origin(_ text: String) -> WebAddress? {
        guard text.contains("://"), let address = try? WebAddress(text), address.isOrigin else { return nil }
        return address
    }
}
