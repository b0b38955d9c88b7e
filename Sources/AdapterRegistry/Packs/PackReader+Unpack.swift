import Checkpoints
import Foundation

extension PackReader {
    /// Writes the files into a new folder, which appears whole, by rename, once every byte was checked and is on the disk.
    /// - Parameter progress: hears the fraction of bytes done.
    /// - Throws: `.exists` when something is at `folder`; what is wrong with the pack; then nothing is left of what was written.
    package func unpack(to folder: URL, progress: (Double) -> Void = { _ in }) throws(AdapterStorageError) {
        let folder = folder.standardizedFileURL
        var status = stat()
        guard lstat(folder.path, &status) != 0 else { throw .exists(path: folder.path) }
        let parent = folder.deletingLastPathComponent()
        let partial = parent.appendingPathComponent(".\(folder.lastPathComponent).\(UUID().uuidString).partial", isDirectory: true)
        try DurableFolder.makeNew(partial.path)
        var isMoved = false
        defer { if !isMoved { try? FileManager.default.removeItem(at: partial) } }
        var counter = ByteCounter(total: manifest.bytes)
        var folders: Set<String> = [""]
        for entry in manifest.files {
            // A folder that is missing is made here, so none is a link: nobody else knows this place.
            var inside = ""
            for part in entry.content.path.pathParts.dropLast() {
                inside += inside.isEmpty ? part : "/" + part
                if folders.insert(inside).inserted { try DurableFolder.makeNew("\(partial.path)/\(inside)") }
            }
            let file = try SystemFile.create("\(partial.path)/\(entry.content.path)")
            try read(entry) { (bytes) throws(AdapterStorageError) in
                try file.write(bytes)
                progress(counter.add(bytes.count))
            }
            try file.sync()
        }
        for inside in folders { try DurableFolder.sync("\(partial.path)/\(inside)") }
        try DurableFolder.move(partial.path, to: folder.path)
        isMoved = true
        try DurableFolder.sync(parent.path)
    }

    /// Adds the files to a store under a name, without a folder between.
    /// - Parameters:
    ///   - check: as for `StoreWriter.commit`.
    ///   - progress: hears the fraction of bytes done.
    package func add(
        to store: AdapterStore, as reference: AdapterReference, source: String? = nil, check: StoreCheck? = nil,
        progress: (Double) -> Void = { _ in }
    ) throws(AdapterStorageError) -> StoredManifest {
        let writer = try StoreWriter(store)
        var counter = ByteCounter(total: manifest.bytes)
        for entry in manifest.files {
            let blob = try writer.begin(entry.content.path)
            try read(entry) { (bytes) throws(AdapterStorageError) in
                try blob.write(bytes)
                progress(counter.add(bytes.count))
            }
            try writer.finish(blob, path: entry.content.path)
        }
        return try writer.commit(reference, source: source, check: check)
    }
}
