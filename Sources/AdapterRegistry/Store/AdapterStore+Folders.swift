import Checkpoints
import Foundation

extension AdapterStore {
    /// Where a version lies as a folder.
    package func folder(_ manifest: StoredManifest) -> URL {
        folders.appendingPathComponent(String(manifest.digest.dropFirst("sha256:".count)), isDirectory: true)
    }

    /// The folder of a version, for readers of adapter folders: symbolic links to its blobs. Symbolic, because a hard link would change the
    /// blob's own times, and so make every other adapter that shares it look changed. Made when it is missing; costs one look when not.
    /// - Throws: `.system`.
    package func materialise(_ manifest: StoredManifest) throws(AdapterStorageError) -> URL {
        let final = folder(manifest)
        if access(final.path, F_OK) == 0 { return final }
        let lock = try lock(.shared, doing: "making an adapter's folder")
        defer { withExtendedLifetime(lock) {} }
        return try makeFolder(manifest)
    }

    /// As `materialise`, for who holds the lock.
    func makeFolder(_ manifest: StoredManifest) throws(AdapterStorageError) -> URL {
        let final = folder(manifest)
        if access(final.path, F_OK) == 0 { return final }
        let partial = self.partial.appendingPathComponent(UUID().uuidString, isDirectory: true)
        for folder in [folders, self.partial] { try DurableFolder.make(folder.path) }
        try DurableFolder.makeNew(partial.path)
        var inner: Set<String> = []
        for file in manifest.files {
            let link = "\(partial.path)/\(file.path)"
            let parts = file.path.pathParts
            for depth in 1..<parts.count {
                let path = parts[..<depth].joined(separator: "/")
                if inner.insert(path).inserted { try DurableFolder.makeNew("\(partial.path)/\(path)") }
            }
            let ups = parts.count + 1  // Out of the folders around it, of the version's, and of folders/.
            let target = String(repeating: "../", count: ups) + "blobs/" + Self.blobPrefix + file.sha256
            guard symlink(target, link) == 0 else {
                throw .system(path: link, doing: "making a link to \(target)", reason: systemErrorText())
            }
        }
        for path in inner { try DurableFolder.sync("\(partial.path)/\(path)") }
        try DurableFolder.sync(partial.path)
        do {
            try DurableFolder.move(partial.path, to: final.path)
        } catch .exists {
            // Another process was first; both made the same.
            try? FileManager.default.removeItem(at: partial)
        }
        try DurableFolder.sync(folders.path)
        return final
    }

    /// The first file of the version's folder that is not the link it should be; nil when all are.
    func wrongLink(_ manifest: StoredManifest) -> String? {
        let folder = folder(manifest)
        for file in manifest.files {
            let link = folder.appendingPathComponent(file.path).path
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
            guard let target, target.hasSuffix("/" + Self.blobPrefix + file.sha256), access(link, F_OK) == 0 else {
                return file.path
            }
        }
        return nil
    }
}
