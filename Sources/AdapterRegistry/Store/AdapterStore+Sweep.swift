import Foundation

extension AdapterStore {
    /// What a sweep removed.
    package struct Swept: Sendable, Equatable {
        /// Files without a name, and their bytes.
        package var blobs = 0
        package var bytes = 0
        /// Folders of versions without a name.
        package var folders = 0
        /// What killed writers left.
        package var partials = 0
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
