import Foundation

/// An open regular file: whole reads and writes, and errors that name the path.
final class SystemFile {
    let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) { (self.path, self.descriptor) = (path, descriptor) }

    deinit { close(descriptor) }

    /// Opens an existing regular file for reading, without ever waiting for a FIFO's other end.
    /// - Parameter followsLink: whether `path` may be a symbolic link.
    static func read(_ path: String, followsLink: Bool = true) throws(AdapterStorageError) -> SystemFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLink ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else { throw .system(path: path, doing: "opening it", reason: systemErrorText()) }
        let file = SystemFile(path: path, descriptor: descriptor)
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw .badSource(path: path, problem: "it is no regular file") }
        return file
    }

    /// Makes a file that must not be there yet.
    static func create(_ path: String, mode: mode_t = 0o644) throws(AdapterStorageError) -> SystemFile {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw .exists(path: path) }
            throw .system(path: path, doing: "making it", reason: systemErrorText())
        }
        return SystemFile(path: path, descriptor: descriptor)
    }

    func status() throws(AdapterStorageError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(path: path, doing: "examining it", reason: systemErrorText()) }
        return status
    }

    func size() throws(AdapterStorageError) -> Int { Int(try status().st_size) }

    /// Fills `buffer` as far as the file reaches.
    /// - Returns: bytes read; fewer than asked for only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AdapterStorageError) -> Int {
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
    func read(_ count: Int, what: String) throws(AdapterStorageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(AdapterStorageError) in try read(into: buffer) }
        }
        let got = try result.get()
        guard got == count else {
            throw .malformed(file: path, what: what, got: "\(got) bytes", wanted: "\(count); the file is cut short")
        }
        return bytes
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(AdapterStorageError) {
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

    func write(_ bytes: [UInt8]) throws(AdapterStorageError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(AdapterStorageError) in try write(buffer) }
        }
        try result.get()
    }

    /// Goes on reading at byte `position`.
    func seek(to position: Int) throws(AdapterStorageError) {
        guard lseek(descriptor, off_t(position), SEEK_SET) == position else {
            throw .system(path: path, doing: "going to byte \(position)", reason: systemErrorText())
        }
    }

    func setMode(_ mode: mode_t) throws(AdapterStorageError) {
        guard fchmod(descriptor, mode) == 0 else { throw .system(path: path, doing: "setting its mode", reason: systemErrorText()) }
    }

    /// Returns when what was written is on the disk.
    func sync() throws(AdapterStorageError) {
        guard fsync(descriptor) == 0 else { throw .system(path: path, doing: "writing it to the disk", reason: systemErrorText()) }
    }
}

func systemErrorText() -> String { String(cString: strerror(errno)) }

/// Calls that change folders so that the change is whole and survives a power failure.
enum DurableFolder {
    /// Makes the folder and those above it, where missing.
    static func make(_ path: String) throws(AdapterStorageError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .system(path: path, doing: "making the folder", reason: error.localizedDescription)
        }
    }

    /// Makes one folder that must not be there yet.
    static func makeNew(_ path: String) throws(AdapterStorageError) {
        guard mkdir(path, 0o755) == 0 else {
            if errno == EEXIST { throw .exists(path: path) }
            throw .system(path: path, doing: "making the folder", reason: systemErrorText())
        }
    }

    /// Returns when the names in the folder are on the disk.
    static func sync(_ path: String) throws(AdapterStorageError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(path: path, doing: "opening the folder", reason: systemErrorText()) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(path: path, doing: "writing the folder to the disk", reason: systemErrorText()) }
    }

    /// Moves a file or folder to its final name in one step, replacing a file of that name.
    static func move(_ old: String, to new: String) throws(AdapterStorageError) {
        guard rename(old, new) == 0 else {
            if errno == EEXIST || errno == ENOTEMPTY { throw .exists(path: new) }
            throw .system(path: new, doing: "moving \(old) there", reason: systemErrorText())
        }
    }

    /// Removes a file; one that is gone already is no error.
    static func unlink(_ path: String) throws(AdapterStorageError) {
        guard Foundation.unlink(path) == 0 || errno == ENOENT else {
            throw .system(path: path, doing: "removing it", reason: systemErrorText())
        }
    }

    /// Names in the folder, sorted; none when there is no such folder.
    static func names(_ path: String) throws(AdapterStorageError) -> [String] {
        guard let folder = opendir(path) else {
            if errno == ENOENT { return [] }
            throw .system(path: path, doing: "listing the folder", reason: systemErrorText())
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                guard errno == 0 else { throw .system(path: path, doing: "listing the folder", reason: systemErrorText()) }
                return names.sorted()
            }
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            if name != ".", name != ".." { names.append(name) }
        }
    }
}
