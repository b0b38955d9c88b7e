import Adapters
import Downloads
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

    /// Throws when a link in the folder leads to what no request may name, or nowhere. How much is looked at is bounded, as for adapters.
    func refuseLinksOut(of folder: URL, adapter: String) throws(AdapterError) {
        var left = Self.countLimit
        try refuseLinksOut(of: folder.path, shownAs: "", depth: 0, left: &left, adapter: adapter)
    }

    private static let depthLimit = 5
    private static let countLimit = 10_000

    private func refuseLinksOut(of path: String, shownAs: String, depth: Int, left: inout Int, adapter: String) throws(AdapterError) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            let (place, shown) = ("\(path)/\(name)", shownAs.isEmpty ? name : "\(shownAs)/\(name)")
            var status = stat()
            guard lstat(place, &status) == 0 else { continue }
            left -= 1
            guard left > 0 else {
                throw .badFile(adapter: adapter, file: ".", problem: "its folder holds more than \(Self.countLimit) files")
            }
            if status.st_mode & S_IFMT == S_IFLNK, Self.real(place).map({ real in !roots.contains { Self.isInside(real, $0) } }) ?? true {
                throw .badFile(
                    adapter: adapter, file: shown, problem: "it is a link that leads out of the folders that requests may name, or nowhere")
            }
            // What lies deeper is not read.
            if stat(place, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, depth < Self.depthLimit {
                try refuseLinksOut(of: place, shownAs: shown, depth: depth + 1, left: &left, adapter: adapter)
            }
        }
    }

    /// Whether an open file lies inside an allowed folder, whatever its path was when it was looked at.
    func hold(openFile descriptor: Int32) -> Bool {
        guard let real = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)") else { return false }
        return roots.contains { Self.isInside(real, $0) }
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
