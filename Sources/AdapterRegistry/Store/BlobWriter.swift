import Digests
import Foundation

/// A file being written under a name nobody looks for, with the hash of its bytes.
final class BlobWriter {
    private let file: SystemFile
    private var hash = StreamingDigest()
    private(set) var count = 0
    private var isPlaced = false

    init(partial: String) throws(AdapterStorageError) { file = try SystemFile.create(partial) }

    /// What was not placed is removed.
    deinit { if !isPlaced { unlink(file.path) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws(AdapterStorageError) {
        hash.update(bytes)
        count += bytes.count
        try file.write(bytes)
    }

    /// SHA-256 and number of the bytes written so far.
    func digest() -> (sha256: String, size: Int) { (hash.hex(), count) }

    /// Gives it its final name, once its bytes are on the disk. The caller syncs the folder.
    func place(_ path: String, mode: mode_t = 0o444) throws(AdapterStorageError) {
        try file.setMode(mode)
        try file.sync()
        try DurableFolder.move(file.path, to: path)
        isPlaced = true
    }
}

/// Reads files in portions of constant size.
enum FilePortions {
    static let size = 1 << 20

    /// Hands over the next `count` bytes of the file.
    /// - Throws: `.badSource` when it ends before; what `body` throws.
    static func each(
        of file: SystemFile, count: Int, _ body: (UnsafeRawBufferPointer) throws(AdapterStorageError) -> Void
    ) throws(AdapterStorageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, min(size, count)), alignment: 16)
        defer { buffer.deallocate() }
        var remaining = count
        while remaining > 0 {
            let wanted = min(remaining, buffer.count)
            let got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
            guard got == wanted else { throw .badSource(path: file.path, problem: "it got shorter while it was read; try again") }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            remaining -= got
        }
    }

    /// The hash of the whole file from where it stands.
    static func sha256(of file: SystemFile, progress: (Int) -> Void = { _ in }) throws(AdapterStorageError) -> String {
        var hash = StreamingDigest()
        try each(of: file, count: try file.size()) { (bytes) throws(AdapterStorageError) in
            hash.update(bytes)
            progress(bytes.count)
        }
        return hash.hex()
    }
}
