import Foundation

/// A whole file mapped read-only into memory.
///
/// A file that is cut short while mapped makes the kernel deliver SIGBUS on the lost pages: replace files by rename, never in place.
package final class MappedFile: Sendable {
    package let path: String
    /// All bytes of the file; valid while this object lives.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
    package let count: Int
    /// The file as it was when it was mapped; nil for a copy in memory.
    package let stamp: FileStamp?

    // The bytes are never written after init and live until deinit, so any thread may read them.
    private nonisolated(unsafe) let base: UnsafeRawPointer?
    private let isMapped: Bool

    /// - Throws: `CheckpointError.cannotRead` when the path is no readable regular file.
    package init(path: String) throws(CheckpointError) {
        let (descriptor, status) = try openRegularFile(path)
        defer { close(descriptor) }
        let size = Int(status.st_size)
        self.path = path
        count = size
        stamp = FileStamp(path: path, status: status)
        isMapped = true
        guard size > 0 else {
            base = nil
            return
        }
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .cannotRead(file: path, reason: "mmap of \(size) bytes: \(systemErrorText())")
        }
        base = UnsafeRawPointer(address)
    }

    /// A copy of `contents` that passes for the file `path`, in an allocation of exactly its size, so that AddressSanitizer sees any
    /// read past the end (which a mapping hides up to the end of its last page).
    package init(path: String, contents: some Collection<UInt8>) {
        self.path = path
        count = contents.count
        stamp = nil
        isMapped = false
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
        copy.copyBytes(from: contents)
        base = UnsafeRawPointer(copy.baseAddress)
    }

    deinit {
        guard let base else { return }
        if isMapped { munmap(UnsafeMutableRawPointer(mutating: base), count) } else { base.deallocate() }
    }

    /// Drops the pages that lie wholly inside `range` from resident memory; reading them again reloads them from the file.
    /// Loaders call it after packing a tensor, so that a checkpoint is never counted twice. Out-of-range parts are ignored.
    package func discard(_ range: Range<Int>) {
        guard let base, isMapped else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let wanted = range.clamped(to: 0..<count)
        let first = (wanted.lowerBound + page - 1) / page * page
        let last = wanted.upperBound == count ? count : wanted.upperBound / page * page
        guard first < last else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + first), last - first, MADV_DONTNEED)
    }
}

/// Reads a small file into memory (a map would be at the mercy of a concurrent truncation).
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
