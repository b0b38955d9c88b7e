import Foundation

/// A file that grows by whole pieces: one that cannot be written whole, because the disk is full, is taken back. Owned by one thread.
package final class AppendingFile<Failure: FileFailure> {
    package let path: String
    private let descriptor: Int32
    /// Bytes of the file.
    package private(set) var length: Int

    /// Opens the file, or makes it.
    package init(_ path: String) throws(Failure) {
        self.path = path
        // Never waits for a FIFO's other end.
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw .system(path: path, doing: "opening it", reason: systemErrorText()) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .badSource(path: path, problem: "it is no regular file")
        }
        self.descriptor = descriptor
        length = Int(status.st_size)
    }

    deinit { close(descriptor) }

    package func append(_ bytes: [UInt8]) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.unsafelyUnwrapped + written, bytes.count - written) }
            if count > 0 {
                written += count
            } else if errno != EINTR {
                let reason = systemErrorText()
                _ = ftruncate(descriptor, off_t(length))
                throw .system(path: path, doing: "writing it", reason: reason)
            }
        }
        length += bytes.count
    }

    /// Cuts off what follows the first `length` bytes.
    package func truncate(to length: Int) throws(Failure) {
        guard ftruncate(descriptor, off_t(length)) == 0 else {
            throw .system(path: path, doing: "cutting it off", reason: systemErrorText())
        }
        self.length = length
    }

    /// Returns when what was written is on the disk.
    package func sync() throws(Failure) {
        guard fsync(descriptor) == 0 else { throw .system(path: path, doing: "writing it to the disk", reason: systemErrorText()) }
    }
}
