import Foundation

/// A whole file, open for reading at any place, by any thread.
///
/// It is read and never mapped: touching a map of a file that somebody has cut short ends the process, and people overwrite files in place.
/// What is read while another process writes may be of either version; `isUnchanged` tells afterwards.
package final class OpenFile: Sendable {
    package let path: String
    /// Bytes of the file when it was opened.
    package let count: Int
    /// The file as it was when it was opened; nil for bytes in memory.
    package let stamp: FileStamp?

    /// Negative for bytes in memory.
    private let descriptor: Int32
    private let contents: [UInt8]

    /// - Throws: `CheckpointError.cannotRead` when the path is no readable regular file.
    package init(path: String) throws(CheckpointError) {
        let (descriptor, status) = try openRegularFile(path)
        self.path = path
        self.descriptor = descriptor
        count = Int(status.st_size)
        stamp = FileStamp(path: path, status: status)
        contents = []
    }

    /// Bytes that pass for the file `path`.
    package init(path: String, contents: some Collection<UInt8>) {
        self.path = path
        self.contents = Array(contents)
        count = self.contents.count
        stamp = nil
        descriptor = -1
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether nobody has written to the file since it was opened. One that took its name in the meantime is another file.
    package var isUnchanged: Bool {
        guard let stamp else { return true }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        let now = FileStamp(path: path, status: status)
        return now.size == stamp.size && now.modified == stamp.modified
    }

    /// Writes bytes `range` of the file to `destination`.
    /// - Throws: `CheckpointError.cannotRead`; when the file ends before, too.
    package func read(_ range: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError) {
        guard range.lowerBound >= 0, range.upperBound <= count else { throw cutShort(range, at: count) }
        guard descriptor >= 0 else {
            contents.withUnsafeBytes { bytes in
                if let start = bytes.baseAddress, !range.isEmpty {
                    destination.copyMemory(from: start + range.lowerBound, byteCount: range.count)
                }
            }
            return
        }
        var done = 0
        while done < range.count {
            let got = pread(descriptor, destination + done, range.count - done, off_t(range.lowerBound + done))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .cannotRead(file: path, reason: systemErrorText()) }
            guard got > 0 else { throw cutShort(range, at: range.lowerBound + done) }
            done += got
        }
    }

    /// Bytes `range` of the file.
    /// - Throws: as `read`.
    package func bytes(_ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= count else { throw cutShort(range, at: count) }
        var failure: CheckpointError?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            guard let start = buffer.baseAddress, !range.isEmpty else { return }
            do throws(CheckpointError) {
                try read(range, into: start)
                filled = range.count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private func cutShort(_ range: Range<Int>, at end: Int) -> CheckpointError {
        .cannotRead(file: path, reason: "it ends at byte \(end) and has no bytes \(range); was it changed while it was read?")
    }
}

/// Reads a small file into memory.
func readWholeFile(_ path: String, maximumBytes: Int) throws(CheckpointError) -> Data {
    let (descriptor, status) = try openRegularFile(path)
    defer { close(descriptor) }
    let size = Int(status.st_size)
    guard size <= maximumBytes else {
        throw .malformed(file: path, what: "size", got: "\(size) bytes", wanted: "at most \(maximumBytes)")
    }
    var data = Data(count: size)
    var filled = 0
    while filled < size {
        let got = data.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.unsafelyUnwrapped + filled, size - filled) }
        if got == 0 { break }
        guard got > 0 else {
            if errno == EINTR { continue }
            throw .cannotRead(file: path, reason: systemErrorText())
        }
        filled += got
    }
    return data.prefix(filled)
}

/// Opens without ever blocking on a FIFO, and refuses whatever is no regular file.
func openRegularFile(_ path: String) throws(CheckpointError) -> (descriptor: Int32, status: stat) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .cannotRead(file: path, reason: systemErrorText()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
        let reason = systemErrorText()
        close(descriptor)
        throw .cannotRead(file: path, reason: reason)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        throw .cannotRead(file: path, reason: "it is a folder or device, not a regular file")
    }
    return (descriptor, status)
}

/// What the last system call that failed says.
package func systemErrorText() -> String { String(cString: strerror(errno)) }
