import Foundation

/// Where a running server is asked to take an adapter from.
enum AdapterSource: Equatable {
    /// `hf:` or `https:`.
    case pull(PullSource)
    /// `file:PATH`, or anything with a slash or the ending `.resa`.
    case path(String)
    /// A plain name: a folder of an allowed one, or an adapter of the store.
    case name(String)

    /// - Throws: `AdapterChangeError.bad` for a source that cannot be one.
    init(_ text: String) throws(AdapterChangeError) {
        do throws(PullError) {
            if ["hf:", "https:", "http:", "file:"].contains(where: text.lowercased().hasPrefix) {
                if case .local(let path) = try PullSource(text) { self = .path(path) } else { self = .pull(try PullSource(text)) }
                return
            }
        } catch {
            throw .bad(parameter: "source", problem: error.description)
        }
        guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
            throw .bad(parameter: "source", problem: "source must be a path, a stored adapter's name, hf:ORG/REPO or https://HOST/FILE")
        }
        self = text.contains("/") || text.hasSuffix(".resa") ? .path(text) : .name(text)
    }
}

/// The folders of this machine that requests may name files of.
package struct AllowedFolders: Sendable {
    private let roots: [String]

    /// Folders that are not there allow nothing.
    package init(_ folders: [URL]) { roots = folders.compactMap { Self.real($0.path) } }

    /// Where a path leads, links followed, if that is inside an allowed folder. A relative path begins in the first of them that has it.
    /// - Returns: nil for what is elsewhere, and for what is not there: nobody outside learns which.
    func find(_ path: String) -> URL? {
        let candidates = path.hasPrefix("/") ? [path] : roots.map { "\($0)/\(path)" }
        for case let place? in candidates.map(Self.real) where roots.contains(where: { Self.isInside(place, $0) }) {
            return URL(fileURLWithPath: place)
        }
        return nil
    }

    /// By bytes: to Swift a slash and an accent behind it are no slash.
    private static func isInside(_ path: String, _ root: String) -> Bool {
        path.utf8.starts(with: root == "/" ? "/".utf8 : "\(root)/".utf8)
    }

    private static func real(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(validatingCString: pointer)
    }
}
