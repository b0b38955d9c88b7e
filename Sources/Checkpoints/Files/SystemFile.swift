import Foundation

/// An open regular file: whole reads and writes, and errors that name the path. Owned by one thread.
package final class SystemFile<Failure: FileFailure> {
    package let path: String
    package let descriptor: Int32

    private init(path: String, descriptor: Int32) { (self.path, self.descriptor) = (path, descriptor) }

    deinit { close(descriptor) }

    /// Opens an existing regular file for reading, without ever waiting for a FIFO's other end.
    /// - Parameter followsLink: whether `path` may be a symbolic link.
    package static func read(_ path: String, followsLink: Bool = true) throws(Failure) -> SystemFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLink ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else { throw .system(path: path, doing: "opening it", reason: systemErrorText()) }
        let file = SystemFile(path: path, descriptor: descriptor)
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw .badSource(path: path, problem: "it is no regular file") }
        return file
    }

    /// Makes a file.
    /// - Parameter replaces: empties one that is there; else there must be none.
    package static func create(_ path: String, mode: mode_t = 0o644, replaces: Bool = false) throws(Failure) -> SystemFile {
        let descriptor = open(path, O_RDWR | O_CREAT | (replaces ? O_TRUNC : O_EXCL) | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw .exists(path: path) }
            throw .system(path: path, doing: "making it", reason: systemErrorText())
        }
        return SystemFile(path: path, descriptor: descriptor)
    }

    package func status() throws(Failure) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(path: path, doing: "examining it", reason: systemErrorText()) }
        return status
    }

    package func size() throws(Failure) -> Int { Int(try status().st_size) }

    /// Fills `buffer` as far as the file reaches.
    /// - Returns: bytes read; fewer than asked for only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        var filled = 0
        while filled < buffer.count {
            let got = Foundation.read(descriptor, buffer.baseAddress.unsafelyUnwrapped + filled, buffer.count - filled)
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                throw .system(path: path, doing: "reading it", reason: systemErrorText())
            }
            filled += got
        }
        return filled
    }

    /// The next `count` bytes.
    /// - Throws: `.malformed` when the file ends before; `what` names what was being read.
    package func read(_ count: Int, what: String) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(Failure) in try read(into: buffer) }
        }
        let got = try result.get()
        guard got == count else {
            throw .malformed(file: path, what: what, got: "\(got) bytes", wanted: "\(count); the file is cut short")
        }
        return bytes
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let got = Foundation.write(descriptor, bytes.baseAddress.unsafelyUnwrapped + written, bytes.count - written)
            if got < 0 {
                if errno == EINTR { continue }
                throw .system(path: path, doing: "writing it", reason: systemErrorText())
            }
            written += got
        }
    }

    package func write(_ bytes: [UInt8]) throws(Failure) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(Failure) in try write(buffer) }
        }
        try result.get()
    }

    /// Goes on reading at byte `position`.
    package func seek(to position: Int) throws(Failure) {
        guard lseek(descriptor, off_t(position), SEEK_SET) == position else {
            throw .system(path: path, doing: "going to byte \(position)", reason: systemErrorText())
        }
    }

    package func setMode(_ mode: mode_t) throws(Failure) {
        guard fchmod(descriptor, mode) == 0 else { throw .system(path: path, doing: "setting its mode", reason: systemErrorText()) }
    }

    /// Returns when what was written is on the disk.
    package func sync() throws(Failure) {
        guard fsync(descriptor) == 0 else { throw .system(path: path, doing: "writing it to the disk", reason: systemErrorText()) }
    }
}

/// An error that can say what the system refused a file. Files and folders here throw the one of the target that writes them, so that each says
/// what its people can do about it.
package protocol FileFailure: Error {
    /// The operating system refused: no space, no permission, nothing there.
    static func system(path: String, doing: String, reason: String) -> Self
    /// Something is there that must not be.
    static func exists(path: String) -> Self
    /// What is there is no regular file.
    static func badSource(path: String, problem: String) -> Self
    /// The file ends too early.
    static func malformed(file: String, what: String, got: String, wanted: String) -> Self
}
