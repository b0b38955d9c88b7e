extension String {
    /// What stands between the slashes of a path, empty parts too. Slashes are looked for among bytes, as the system does: to Swift a slash
    /// and a combining accent behind it are one character, which is no slash.
    package var pathParts: [String] {
        utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
}
