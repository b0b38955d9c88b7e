import Foundation

/// Where files are pulled from.
package enum PullSource: Sendable, Equatable, CustomStringConvertible {
    case hub(HubReference)
    /// One file.
    case web(WebAddress)
    /// A file or a folder of this machine.
    case local(path: String)

    static let form = "write hf:ORG/REPO[@REV][/SUBPATH], https://HOST/PATH or file:PATH"

    /// - Throws: `PullError.badSource`.
    package init(_ text: String) throws(PullError) {
        if let rest = Self.rest(of: text, after: "hf:") {
            self = .hub(try HubReference(rest, shownAs: text))
        } else if let rest = Self.rest(of: text, after: "file:") {
            self = .local(path: try Self.localPath(rest, shownAs: text))
        } else if ["https://", "http://"].contains(where: text.lowercased().hasPrefix) {
            let address = try WebAddress(text)
            guard address.fileName != nil else { throw .badSource(text: address.shown, reason: "its path names no file") }
            self = .web(address)
        } else {
            throw .badSource(text: text, reason: "it begins with none of hf:, https:// and file:")
        }
    }

    package var description: String {
        switch self {
        case .hub(let reference): reference.description
        case .web(let address): address.shown
        case .local(let path): "file:\(path)"
        }
    }

    /// The last part of what is pulled: a folder made for it is named so.
    package var name: String {
        switch self {
        case .hub(let reference):
            reference.namesHookpoint
                ? reference.repository : reference.subpath.split(separator: "/").last.map(Self.withoutExtension) ?? reference.repository
        case .web(let address): Self.withoutExtension(Substring(address.fileName ?? "file"))
        case .local(let path): Self.withoutExtension(Substring(URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent))
        }
    }

    private static func rest(of text: String, after prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }

    /// The file formats' endings only: a folder `layers.12` keeps its name.
    private static func withoutExtension(_ name: Substring) -> String {
        for ending in [".resa", ".gguf", ".safetensors"] where name.hasSuffix(ending) && name.count > ending.count {
            return String(name.dropLast(ending.count))
        }
        return String(name)
    }

    /// `file:PATH` and `file:///PATH`; the latter may hold percent escapes, as in any URL.
    private static func localPath(_ rest: String, shownAs text: String) throws(PullError) -> String {
        var path = rest
        if rest.hasPrefix("//") {
            path = rest.hasPrefix("//localhost/") ? String(rest.dropFirst("//localhost".count)) : String(rest.dropFirst(2))
            guard path.hasPrefix("/"), let plain = path.removingPercentEncoding else {
                throw .badSource(text: text, reason: "after file:// comes a path that begins with /")
            }
            path = plain
        }
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .badSource(text: text, reason: "it names no path") }
        return path
    }
}

/// A repository of the Hub, a revision of it, and optionally a folder or file inside.
package struct HubReference: Sendable, Equatable, CustomStringConvertible {
    package let organisation: String
    package let repository: String
    /// A branch, tag or commit.
    package let revision: String
    /// Without slashes at its ends; empty for the whole repository.
    package let subpath: String

    static let standardRevision = "main"

    /// - Parameter text: what follows `hf:`. A revision with slashes is written with `%2F`.
    /// - Throws: `PullError.badSource`.
    init(_ text: String, shownAs shown: String) throws(PullError) {
        func bad(_ reason: String) -> PullError { .badSource(text: shown, reason: reason) }
        let parts = text.trimmingPrefix("//").split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2 else { throw bad("a repository is named ORG/REPO") }
        let sides = parts[1].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        (organisation, repository) = (parts[0], sides[0])
        for name in [organisation, repository] {
            let isPlain = name.utf8.allSatisfy { Self.isNameByte($0) }
            guard !name.isEmpty, name.utf8.count <= 96, isPlain, !name.hasPrefix("."), !name.hasPrefix("-") else {
                throw bad("'\(name)' cannot be the name of an organisation or repository")
            }
        }
        if sides.count == 2 {
            guard let plain = sides[1].removingPercentEncoding, !plain.isEmpty, plain.utf8.count <= 255,
                plain.utf8.allSatisfy({ Self.isNameByte($0) || $0 == UInt8(ascii: "/") }), !plain.contains("..")
            else { throw bad("'\(sides[1])' cannot be a revision") }
            revision = plain
        } else {
            revision = Self.standardRevision
        }
        var inside = Array(parts.dropFirst(2))
        if inside.last == "" { inside.removeLast() }
        subpath = inside.joined(separator: "/")
        if !subpath.isEmpty {
            do { try RemotePath.check(subpath) } catch { throw bad("'\(subpath)' cannot be a path in a repository") }
        }
    }

    /// Whether the path leads to an SAE at one hookpoint: the folder's name then says which, and must stay.
    var namesHookpoint: Bool {
        let last = subpath.split(separator: "/").last ?? ""
        return last.hasPrefix("layers.") || last.hasPrefix("model.layers.")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    package var description: String {
        let at = revision == Self.standardRevision ? "" : "@\(revision.replacing("/", with: "%2F"))"
        return "hf:\(organisation)/\(repository)\(at)\(subpath.isEmpty ? "" : "/\(subpath)")"
    }
}
