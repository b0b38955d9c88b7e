import Foundation

/// The files of a `file:` source.
enum LocalFiles {
    /// Paths relative to `root`; of a single file its name, relative to its folder. Hidden ones are left out, links are followed to
    /// files but not to folders.
    /// - Returns: the folder they are relative to, and their names.
    static func list(_ path: String, limit: Int) throws(PullError) -> (root: URL, names: [String]) {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        var status = stat()
        guard stat(url.path, &status) == 0 else { throw systemError(url.path) }
        if status.st_mode & S_IFMT == S_IFREG { return (url.deletingLastPathComponent(), [url.lastPathComponent]) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .disk(path: url.path, reason: "it is neither a file nor a folder") }
        var names: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            let here = folder.isEmpty ? url : url.appendingPathComponent(folder)
            let entries: [String]
            do { entries = try FileManager.default.contentsOfDirectory(atPath: here.path) } catch {
                throw .disk(path: here.path, reason: "it cannot be listed: \(error.localizedDescription)")
            }
            for entry in entries.sorted() where !entry.hasPrefix(".") {
                let name = folder.isEmpty ? entry : "\(folder)/\(entry)"
                let place = here.appendingPathComponent(entry).path
                guard lstat(place, &status) == 0 else { throw systemError(place) }
                if status.st_mode & S_IFMT == S_IFDIR { folders.append(name) }
                if status.st_mode & S_IFMT == S_IFREG || (status.st_mode & S_IFMT == S_IFLNK && isFile(place)) { names.append(name) }
            }
            guard names.count + folders.count <= limit else {
                throw .nothingToPull(source: "file:\(path)", reason: "it holds more than \(limit) files")
            }
        }
        return (url, names.sorted())
    }

    private static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Bytes of a regular file.
    static func size(_ path: String) throws(PullError) -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw systemError(path) }
        return Int(status.st_size)
    }

    /// Hands out a file's content in portions.
    static func read(
        _ path: String, control: PullControl, _ body: (UnsafeRawBufferPointer) throws(PullError) -> Void
    ) throws(PullError) {
        // O_NONBLOCK: should a pipe have taken the file's place, opening it must not wait.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw systemError(path) }
        defer { close(descriptor) }
        let portion = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { portion.deallocate() }
        while true {
            if control.isStopped { throw .cancelled }
            let got = Foundation.read(descriptor, portion.baseAddress, portion.count)
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw systemError(path) }
            if got == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: portion[..<got]))
        }
    }
}
