import Foundation

/// Where a pull goes: the folder `NAME` of a parent folder, filled under a hidden name and moved into place when it is whole, so that a
/// server that watches the parent never sees half of it.
package struct PullDestination {
    package let folder: URL
    package let staging: URL

    /// - Throws: `PullDestinationError` when the name cannot be a folder's.
    package init(parent: URL, name: String) throws(PullDestinationError) {
        guard Self.isName(name) else { throw PullDestinationError(description: "'\(name)' cannot be the name of a folder: say --name") }
        folder = parent.appendingPathComponent(name, isDirectory: true).standardizedFileURL
        staging = parent.appendingPathComponent(".pull-\(name)", isDirectory: true).standardizedFileURL
    }

    package static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && !name.hasPrefix(".") && !name.hasPrefix("-") && !name.contains("/")
            && !name.utf8.contains(0)
    }

    /// What an earlier pull put there.
    package var earlier: PulledFiles? { PulledFiles.record(in: folder) }

    /// A folder that no pull made is somebody's own.
    package func checkFree() throws(PullDestinationError) {
        guard FileManager.default.fileExists(atPath: folder.path), earlier == nil else { return }
        throw PullDestinationError(
            description: "\(folder.path) is there already and was not pulled: choose another --name, or move it away")
    }

    /// The last step: makes what was pulled visible under its name, in place of what an earlier pull put there.
    package func place(_ pulled: PulledFiles) throws(PullDestinationError) {
        try checkFree()
        removeLeftovers(besides: pulled)
        func failed() -> PullDestinationError { PullDestinationError(description: "\(folder.path): \(String(cString: strerror(errno)))") }
        // For a moment nothing has the name. Whoever is killed just then pulls again: all of it is in the staging folder.
        let old = staging.deletingLastPathComponent().appendingPathComponent(".pull-old-\(UUID().uuidString)")
        let hadEarlier = earlier != nil
        if hadEarlier { guard rename(folder.path, old.path) == 0 else { throw failed() } }
        guard rename(staging.path, folder.path) == 0 else {
            let error = failed()
            if hadEarlier { rename(old.path, folder.path) }
            throw error
        }
        if hadEarlier { try? FileManager.default.removeItem(at: old) }
        let parent = open(folder.deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
    }

    /// What an interrupted pull of another revision left is no part of this one.
    private func removeLeftovers(besides pulled: PulledFiles) {
        let wanted = Set(pulled.files.map(\.path) + [PulledFiles.recordName])
        guard let names = FileManager.default.enumerator(atPath: staging.path) else { return }
        for case let name as String in names where !wanted.contains(name) {
            let isParent = wanted.contains { $0.hasPrefix(name + "/") }
            if !isParent { try? FileManager.default.removeItem(at: staging.appendingPathComponent(name)) }
        }
    }

    /// Pulls there, or finds what an earlier pull brought where nothing may be fetched.
    /// - Throws: `PullError`, `PullDestinationError` when the place is taken.
    package func pull(
        _ source: PullSource, with puller: Puller, selection: FileSelection, sha256: String?,
        progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> PulledFiles {
        if puller.needsNetwork(source), puller.isOffline {
            guard let earlier, earlier.source == source.description, earlier.isPresent(in: folder) else {
                throw PullError.offline(source: source.description)
            }
            return earlier
        }
        try checkFree()
        let pulled = try await puller.pull(
            source, into: staging, selection: selection, earlier: earlier.map { _ in folder }, sha256: sha256, progress: progress)
        try place(pulled)
        return pulled
    }

    /// What to hand to `--model`, or look at: the one file that was pulled, or the folder.
    package func usablePath(_ pulled: PulledFiles) -> String {
        let models = pulled.files.filter { $0.path.hasSuffix(".gguf") }
        if pulled.files.count == 1 || models.count == 1 {
            return folder.appendingPathComponent((models.first ?? pulled.files[0]).path).path
        }
        return folder.path
    }
}

/// The place that a pull is to go to cannot be had.
package struct PullDestinationError: Error, Equatable, CustomStringConvertible {
    package let description: String
}
