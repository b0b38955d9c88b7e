/// The name of a stored adapter: `NAME` or `NAME:TAG`, where no tag means `latest`.
package struct AdapterReference: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let defaultTag = "latest"
    private static let lengthLimit = 128

    package let name: String
    package let tag: String

    /// - Throws: `.badName` unless both are 1 to 128 of ASCII letters, digits, `.`, `_`, `-`, beginning with a letter or digit.
    package init(_ text: String) throws(AdapterStorageError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        try self.init(name: parts[0], tag: parts.count > 1 ? parts[1] : Self.defaultTag)
    }

    package init(name: String, tag: String = defaultTag) throws(AdapterStorageError) {
        for (text, what) in [(name, "name"), (tag, "tag")] {
            guard Self.isValid(text) else {
                throw .badName(
                    name: String(text.prefix(200)),
                    problem:
                        "cannot be the \(what) of a stored adapter: wanted 1 to \(Self.lengthLimit) of A-Z, a-z, 0-9, '.', '_', '-', the first a letter or digit"
                )
            }
        }
        (self.name, self.tag) = (name, tag)
    }

    /// As requests spell it: without the default tag.
    package var description: String { tag == Self.defaultTag ? name : "\(name):\(tag)" }

    /// A name as lists show it: `math:latest` is `math`.
    package static func canonical(_ name: String) -> String {
        name.hasSuffix(":" + defaultTag) ? String(name.dropLast(defaultTag.count + 1)) : name
    }

    package static func < (left: AdapterReference, right: AdapterReference) -> Bool { (left.name, left.tag) < (right.name, right.tag) }

    static func isValid(_ text: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) }
        guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= lengthLimit else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2e || $0 == 0x5f || $0 == 0x2d }
    }
}
