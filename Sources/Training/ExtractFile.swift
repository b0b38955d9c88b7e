import Foundation

/// Writes a file beside its final place and moves it there when it is whole and on the disk: whoever looks finds all of it, or what was there
/// before.
final class ExtractFile {
    private let path: String
    private let partialPath: String
    private let descriptor: Int32
    private var isFinished = false

    init(path: String) throws(ExtractError) {
        self.path = path
        partialPath = path + ".partial"
        descriptor = open(partialPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: Self.systemError) }
    }

    deinit {
        close(descriptor)
        if !isFinished { unlink(partialPath) }
    }

    static func write(_ text: String, to path: String) throws(ExtractError) {
        let file = try ExtractFile(path: path)
        var bytes = Array(text.utf8)
        let result = bytes.withUnsafeMutableBytes { bytes in
            Result { () throws(ExtractError) in try file.append(UnsafeRawBufferPointer(bytes)) }
        }
        try result.get()
        try file.finish()
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(ExtractError) {
        var done = 0
        while done < bytes.count {
            let put = Foundation.write(descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30))
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw .cannotWrite(path: path, reason: Self.systemError) }
            done += put
        }
    }

    func append(_ data: Data) throws(ExtractError) {
        let result = data.withUnsafeBytes { bytes in Result { () throws(ExtractError) in try append(bytes) } }
        try result.get()
    }

    /// Waits for the disk and gives the file its name.
    func finish() throws(ExtractError) {
        guard fsync(descriptor) == 0, rename(partialPath, path) == 0 else { throw .cannotWrite(path: path, reason: Self.systemError) }
        isFinished = true
        // The new name must survive a power cut too; a folder that cannot be synced is no reason to fail.
        let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    static func makeFolder(_ url: URL) throws(ExtractError) {
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
    }

    static var systemError: String { String(cString: strerror(errno)) }
}

/// The right to write into a training folder, among all processes; given back when this object goes, or its process ends.
final class ExtractLock {
    private let descriptor: Int32

    /// - Throws: `ExtractError.locked` when another process has it.
    init(folder: URL, file: String) throws(ExtractError) {
        try ExtractFile.makeFolder(folder)
        let path = folder.appendingPathComponent(file).path
        // The file stays: removing it would let two processes lock two files of one name.
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: ExtractFile.systemError) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let held = errno == EWOULDBLOCK
            let reason = ExtractFile.systemError
            close(descriptor)
            throw held ? .locked(folder: folder.path) : .cannotWrite(path: path, reason: reason)
        }
    }

    deinit { close(descriptor) }
}
