import Foundation

/// A file that appears under its name whole and on the disk, or not at all: written beside it, synced, renamed.
final class DurableFile {
    private let path: String
    private let partial: String
    private let descriptor: Int32

    init(_ path: String) throws(TrainingError) {
        self.path = path
        partial = path + ".partial"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .disk(path: partial, doing: "making it", reason: Self.reason()) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer) throws(TrainingError) {
        var written = 0
        while written < bytes.count {
            let got = Foundation.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if got < 0 {
                if errno == EINTR { continue }
                let reason = Self.reason()
                unlink(partial)
                throw .disk(path: path, doing: "writing it", reason: reason)
            }
            written += got
        }
    }

    func write(_ bytes: [UInt8]) throws(TrainingError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(TrainingError) in try write(buffer) }
        }
        try result.get()
    }

    /// Puts the file into its place. Both it and its name are on the disk afterwards.
    func commit() throws(TrainingError) {
        guard fsync(descriptor) == 0 else { throw .disk(path: path, doing: "writing it to the disk", reason: Self.reason()) }
        guard rename(partial, path) == 0 else { throw .disk(path: path, doing: "renaming it", reason: Self.reason()) }
        try Self.syncFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    }

    static func syncFolder(_ path: String) throws(TrainingError) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .disk(path: path, doing: "opening the folder", reason: reason()) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw .disk(path: path, doing: "writing the folder to the disk", reason: reason()) }
    }

    static func reason() -> String { String(cString: strerror(errno)) }
}

/// The folder a run writes to. One process at a time works in it; the system frees it when that process ends in any way.
package final class OutputFolder {
    package let path: String
    private let descriptor: Int32

    /// Makes the folder where missing, and takes it.
    /// - Throws: `.busy` when another process has it, `.disk`.
    package init(_ path: String) throws(TrainingError) {
        self.path = path
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw .disk(path: path, doing: "making the folder", reason: error.localizedDescription)
        }
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .disk(path: path, doing: "opening the folder", reason: DurableFile.reason()) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            // What is initialised whole is deinitialised when init throws: that closes it.
            let code = errno
            if code == EWOULDBLOCK { throw .busy(folder: path) }
            throw .disk(path: path, doing: "locking it", reason: String(cString: strerror(code)))
        }
    }

    deinit { close(descriptor) }

    package func file(_ name: String) -> String { path + "/" + name }

    package func holds(_ name: String) -> Bool { access(file(name), F_OK) == 0 }

    /// Writes a small file, whole or not at all.
    package func write(_ name: String, _ bytes: [UInt8]) throws(TrainingError) {
        let file = try DurableFile(file(name))
        try file.write(bytes)
        try file.commit()
    }

    package func remove(_ name: String) throws(TrainingError) {
        guard unlink(file(name)) == 0 || errno == ENOENT else {
            throw .disk(path: file(name), doing: "removing it", reason: DurableFile.reason())
        }
    }
}
