import Checkpoints
import Digests
import Foundation

extension AdapterStore {
    /// What a sweep removed.
    package struct Swept: Sendable, Equatable {
        /// Files without a name, and their bytes.
        package var blobs = 0
        package var bytes = 0
        /// Folders of versions without a name.
        package var folders = 0
        /// What killed writers left, and pulls that did not end.
        package var partials = 0
    }

    /// How long a pull that failed is kept, for the same pull to go on with it.
    static let pullSeconds = 86_400.0

    /// Removes what killed writers left, if nobody is adding, and pulls that failed a day ago and more. Never waits; what cannot be removed stays
    /// for `sweep`.
    package func removeLeftovers() {
        guard access(root.path, F_OK) == 0 else { return }
        var impatient = self
        impatient.patienceSeconds = 0
        if let lock = try? impatient.lock(.alone, doing: "tidying up") {
            for name in (try? DurableFolder.names(partial.path)) ?? [] {
                try? removeTree(partial.appendingPathComponent(name))
            }
            withExtendedLifetime(lock) {}
        }
        _ = try? removePulls(olderThan: Self.pullSeconds)
    }

    /// Removes the folders of pulls that no process is at.
    /// - Returns: how many.
    private func removePulls(olderThan seconds: Double) throws(AdapterStorageError) -> Int {
        var removed = 0
        let now = Date().timeIntervalSince1970
        for name in try DurableFolder.names(pulls.path) {
            let folder = pulls.appendingPathComponent(name, isDirectory: true)
            guard let stamp = FileStamp(path: folder.path), seconds == 0 || now - Double(stamp.modified) * 1e-9 > seconds else { continue }
            // Whoever pulls holds it.
            let lock: FileLock?
            do throws(FileLock.Problem) {
                lock = stamp.isRegular ? nil : try FileLock(folder: folder.path)
            } catch .held {
                continue
            } catch {
                lock = nil
            }
            try removeTree(folder)
            withExtendedLifetime(lock) {}
            removed += 1
        }
        return removed
    }

    /// Takes a name away. Its files stay until `sweep`; whoever has loaded it keeps what was loaded.
    /// - Throws: `.unknown` or `.system`.
    package func remove(_ reference: AdapterReference) throws(AdapterStorageError) {
        let path = manifestPath(reference)
        guard access(path.path, F_OK) == 0 else { throw unknown(reference) }
        try DurableFolder.unlink(path.path)
        try DurableFolder.sync(path.deletingLastPathComponent().path)
    }

    /// Removes what no manifest names. Waits until nobody adds.
    /// - Throws: `.busy` when others keep the store; an unreadable manifest's error, for then nobody knows which blobs it names.
    package func sweep() throws(AdapterStorageError) -> Swept {
        var swept = Swept()
        guard access(root.path, F_OK) == 0 else { return swept }
        let lock = try lock(.alone, doing: "sweeping")
        defer { withExtendedLifetime(lock) {} }
        var (wantedBlobs, wantedFolders): (Set<String>, Set<String>) = ([], [])
        for adapter in try list() {
            let manifest = try adapter.content.get()
            wantedBlobs.formUnion(manifest.files.map { Self.blobPrefix + $0.sha256 })
            wantedFolders.insert(folder(manifest).lastPathComponent)
        }
        for name in try DurableFolder.names(partial.path) {
            try removeTree(partial.appendingPathComponent(name))
            swept.partials += 1
        }
        swept.partials += try removePulls(olderThan: 0)
        // A folder leaves its place whole before it is taken apart: nobody finds half of one.
        for name in try DurableFolder.names(folders.path) where HexText.isSHA256(name) && !wantedFolders.contains(name) {
            let away = partial.appendingPathComponent(UUID().uuidString)
            try DurableFolder.make(partial.path)
            try DurableFolder.move(folders.appendingPathComponent(name).path, to: away.path)
            try removeTree(away)
            swept.folders += 1
        }
        for name in try DurableFolder.names(blobs.path) where isBlob(name) && !wantedBlobs.contains(name) {
            let path = blobs.appendingPathComponent(name).path
            var status = stat()
            if lstat(path, &status) == 0 { swept.bytes += Int(status.st_size) }
            try DurableFolder.unlink(path)
            swept.blobs += 1
        }
        for name in try DurableFolder.names(manifests.path) where AdapterReference.isValid(name) {
            rmdir(manifests.appendingPathComponent(name).path)  // Only when it is empty.
        }
        return swept
    }

    /// Files of other names are not the store's to remove.
    private func isBlob(_ name: String) -> Bool {
        name.hasPrefix(Self.blobPrefix) && HexText.isSHA256(String(name.dropFirst(Self.blobPrefix.count)))
    }

    private func removeTree(_ url: URL) throws(AdapterStorageError) {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            throw .system(path: url.path, doing: "removing it", reason: error.localizedDescription)
        }
    }
}
