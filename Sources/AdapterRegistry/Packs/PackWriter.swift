import Digests
import Foundation

/// Writes one pack from a folder or a stored adapter. Memory is bounded, whatever the size of the files; the pack appears at its place
/// whole, by rename.
package struct PackWriter {
    package var level = FrameCompressor.defaultLevel
    package var key: PackSecretKey?

    package init() {}

    /// - Parameter level: zstd's, 1 (fast) to 19 (small). A pack's bytes depend on it.
    package init(level: Int, key: PackSecretKey?) { (self.level, self.key) = (level, key) }

    /// The levels there are.
    package static var levels: ClosedRange<Int> { FrameCompressor.levels }
    package static var standardLevel: Int { FrameCompressor.defaultLevel }

    /// Packs a folder's files (hidden ones are left out).
    /// - Parameter progress: hears the fraction of bytes done.
    /// - Throws: `.exists` when something is at `path`, unless `replaces`.
    @discardableResult
    package func write(
        folder: URL, to path: String, replaces: Bool = false, progress: (Double) -> Void = { _ in }
    ) throws(AdapterStorageError) -> PackManifest {
        let files = try AdapterFiles(folder: folder)
        let sources = files.paths.map { Source(path: $0, place: folder.appendingPathComponent($0).path, sha256: nil) }
        return try write(sources, bytes: files.bytes, to: path, replaces: replaces, progress: progress)
    }

    /// Packs a stored adapter; gives the same bytes as its folder would.
    /// - Throws: also `.damaged` when a blob is not what its name says.
    @discardableResult
    package func write(
        _ manifest: StoredManifest, of store: AdapterStore, to path: String, replaces: Bool = false, progress: (Double) -> Void = { _ in }
    ) throws(AdapterStorageError) -> PackManifest {
        let sources = manifest.files.map { Source(path: $0.path, place: store.blob($0.sha256).path, sha256: $0.sha256) }
        return try write(sources, bytes: manifest.bytes, to: path, replaces: replaces, progress: progress)
    }

    private struct Source {
        let path: String
        let place: String
        /// What it must hold; nil when nobody knows.
        let sha256: String?
    }

    private func write(
        _ sources: [Source], bytes: Int, to path: String, replaces: Bool, progress: (Double) -> Void
    ) throws(AdapterStorageError) -> PackManifest {
        guard replaces || access(path, F_OK) != 0 else { throw .exists(path: path) }
        // The manifest stands first and is known last, so the body waits in a file of its own.
        let bodyPath = "\(path).\(UUID().uuidString).partial"
        let body = try SystemFile.create(bodyPath)
        unlink(bodyPath)  // It stays as long as it is open, and goes with a process that is killed.
        let compressor = try FrameCompressor(level: level)
        var files: [PackManifest.File] = []
        var (end, done) = (0, 0)
        for source in sources {
            files.append(
                try add(source, compressor, to: body, at: &end) { count in
                    done += count
                    progress(Double(done) / Double(max(bytes, 1)))
                })
        }
        let manifest = PackManifest(files: files.sorted { $0.content.path < $1.content.path })
        let text = manifest.json
        let limit = PackLimits().manifestBytes
        guard text.count <= limit else { throw .overLimit(file: path, what: "the manifest's size in bytes", got: text.count, limit: limit) }
        try body.seek(to: 0)
        try assemble(text, body: body, bodyBytes: end, to: path)
        return manifest
    }

    /// Compresses one file to the end of the body.
    private func add(
        _ source: Source, _ compressor: FrameCompressor, to body: SystemFile, at end: inout Int, progress: (Int) -> Void
    ) throws(AdapterStorageError) -> PackManifest.File {
        let input = try SystemFile.read(source.place)
        let size = try input.size()
        var hash = StreamingDigest()
        var frames: [PackManifest.Frame] = []
        for cut in FrameCuts.of(source.place, named: source.path, size: size) {
            compressor.begin(size: cut.size)
            var (left, stored) = (cut.size, 0)
            try FilePortions.each(of: input, count: cut.size) { (bytes) throws(AdapterStorageError) in
                hash.update(bytes)
                left -= bytes.count
                stored += try compressor.write(bytes, isLast: left == 0, to: body)
                progress(bytes.count)
            }
            frames.append(PackManifest.Frame(tensor: cut.tensor, size: cut.size, offset: end, stored: stored))
            end += stored
        }
        guard try input.size() == size else { throw .badSource(path: source.place, problem: "it changed while it was read; try again") }
        let sha256 = hash.hex()
        guard source.sha256 == nil || source.sha256 == sha256 else {
            throw .damaged(file: source.place, what: source.path, problem: "its SHA-256 is \(sha256)")
        }
        return PackManifest.File(content: StoredFile(path: source.path, size: size, sha256: sha256), frames: frames)
    }

    private func assemble(_ manifest: [UInt8], body: SystemFile, bodyBytes: Int, to path: String) throws(AdapterStorageError) {
        let header = PackHeader(isSigned: key != nil, manifest: manifest, bodyBytes: bodyBytes)
        let pack = try BlobWriter(partial: "\(path).\(UUID().uuidString).partial")
        func write(_ bytes: [UInt8]) throws(AdapterStorageError) {
            let result = bytes.withUnsafeBytes { buffer in Result { () throws(AdapterStorageError) in try pack.write(buffer) } }
            try result.get()
        }
        try write(header.bytes)
        try write(manifest)
        if let key { try write(PackSignature(signing: header, with: key).bytes) }
        try FilePortions.each(of: body, count: bodyBytes) { (bytes) throws(AdapterStorageError) in try pack.write(bytes) }
        try pack.place(path, mode: 0o644)
        try DurableFolder.sync(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    }
}
