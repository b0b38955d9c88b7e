import Checkpoints
import Foundation

/// Adds one adapter to a store, file by file: `addFile` for each, then `commit`. Until then nothing of it is seen; a writer that is
/// dropped leaves at most blobs without a name. Holds the store's lock, shared, as long as it lives.
package final class StoreWriter {
    private let store: AdapterStore
    private let lock: FileLock
    private(set) var files: [StoredFile] = []

    /// Makes the store's folders where missing.
    /// - Throws: `.busy` when a sweep does not end in time; `.system`.
    package init(_ store: AdapterStore) throws(AdapterStorageError) {
        self.store = store
        for folder in [store.blobs, store.manifests, store.folders, store.partial] { try DurableFolder.make(folder.path) }
        try DurableFolder.sync(store.root.path)
        // Above a new root; where that cannot be opened, root was made by somebody else.
        try? DurableFolder.sync(store.root.deletingLastPathComponent().path)
        lock = try store.lock(.shared, doing: "adding")
    }

    /// Starts a file of the adapter; write its bytes, then hand the result to `finish`.
    func begin(_ path: String) throws(AdapterStorageError) -> BlobWriter {
        try RelativePath.check([path], in: store.root.path)  // Against each other by `commit`.
        return try BlobWriter(partial: store.partial.appendingPathComponent(UUID().uuidString).path)
    }

    /// Puts a written file into the store under its hash.
    func finish(_ blob: consuming BlobWriter, path: String) throws(AdapterStorageError) {
        let (sha256, size) = blob.digest()
        files.append(StoredFile(path: path, size: size, sha256: sha256))
        let place = store.blob(sha256).path
        // A blob that is there is kept, so that its readers see no change; one that was damaged is replaced.
        if try store.holds(sha256, size: size) { return }
        try blob.place(place)
    }

    /// Adds a file's bytes.
    /// - Parameters:
    ///   - path: the name it has in the adapter.
    ///   - progress: hears how many bytes more are done.
    package func addFile(_ source: URL, as path: String, progress: (Int) -> Void = { _ in }) throws(AdapterStorageError) {
        let input = try SystemFile.read(source.path)
        let size = try input.size()
        let blob = try begin(path)
        try FilePortions.each(of: input, count: size) { (bytes) throws(AdapterStorageError) in
            try blob.write(bytes)
            progress(bytes.count)
        }
        var end: UInt8 = 0
        let more = try withUnsafeMutableBytes(of: &end) { (buffer) throws(AdapterStorageError) in try input.read(into: buffer) }
        guard more == 0 else { throw .badSource(path: source.path, problem: "it grew while it was read; try again") }
        try finish(blob, path: path)
    }

    /// Takes files that the store holds already.
    /// - Throws: `.damaged` when one of them is not there.
    func adopt(_ stored: [StoredFile]) throws(AdapterStorageError) {
        for file in stored {
            let path = store.blob(file.sha256).path
            guard access(path, F_OK) == 0 else { throw .damaged(file: path, what: file.path, problem: "it is not there") }
        }
        files += stored
    }

    /// Makes `reference` stand for the files added, in one step.
    /// - Parameters:
    ///   - source: where they came from, for people.
    ///   - check: sees the folder of the files before the name stands for them; when it throws, the name means what it meant.
    package func commit(
        _ reference: AdapterReference, source: String? = nil, check: StoreCheck? = nil
    ) throws(AdapterStorageError) -> StoredManifest {
        let place = store.manifestPath(reference)
        let manifest = try StoredManifest(files: files, source: source, for: place.path)
        try DurableFolder.sync(store.blobs.path)
        let content = try store.makeFolder(manifest)
        try check?(content)
        let partial = store.partial.appendingPathComponent(UUID().uuidString).path
        let file = try SystemFile.create(partial)
        try file.write(manifest.bytesOfJSON)
        try file.sync()
        let folder = place.deletingLastPathComponent().path
        try DurableFolder.make(folder)
        try DurableFolder.sync(store.manifests.path)
        try DurableFolder.move(partial, to: place.path)
        try DurableFolder.sync(folder)
        return manifest
    }
}

/// Looks at the folder of files that are about to get a name.
package typealias StoreCheck = (_ folder: URL) throws(AdapterStorageError) -> Void

extension AdapterStore {
    /// Adds a folder's files under a name; a name that is taken comes to mean the new version.
    /// - Parameters:
    ///   - check: as for `StoreWriter.commit`.
    ///   - progress: hears the fraction of bytes done.
    package func add(
        folder: URL, as reference: AdapterReference, source: String? = nil, check: StoreCheck? = nil,
        progress: (Double) -> Void = { _ in }
    ) throws(AdapterStorageError) -> StoredManifest {
        let files = try AdapterFiles(folder: folder)
        let writer = try StoreWriter(self)
        var done = 0
        for path in files.paths {
            try writer.addFile(folder.appendingPathComponent(path), as: path) { count in
                done += count
                progress(Double(done) / Double(max(files.bytes, 1)))
            }
        }
        return try writer.commit(reference, source: source, check: check)
    }

    /// Makes another name stand for a version that is here.
    package func add(_ manifest: StoredManifest, as reference: AdapterReference) throws(AdapterStorageError) -> StoredManifest {
        let writer = try StoreWriter(self)
        try writer.adopt(manifest.files)
        return try writer.commit(reference, source: manifest.source)
    }

    /// The store's lock among processes: adding shares it, sweeping has it alone, so that a sweep never meets a blob whose manifest is still
    /// to be written.
    /// - Throws: `.busy` when others have it for too long; `.system`.
    func lock(_ kind: FileLock.Kind, doing: String) throws(AdapterStorageError) -> FileLock {
        let path = root.appendingPathComponent("lock").path
        do throws(FileLock.Problem) {
            return try FileLock(file: path, kind, seconds: patienceSeconds)
        } catch {
            throw error.told(held: .busy(store: root.path, doing: doing)) { .system(path: path, doing: $0, reason: $1) }
        }
    }

    /// Whether the blob is there with the right bytes; reads it.
    func holds(_ sha256: String, size: Int) throws(AdapterStorageError) -> Bool {
        let path = blob(sha256).path
        guard access(path, F_OK) == 0 else { return false }
        let file = try SystemFile.read(path, followsLink: false)
        guard try file.size() == size else { return false }
        return try FilePortions.sha256(of: file) == sha256
    }
}
