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
