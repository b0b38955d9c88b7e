import Checkpoints
import Foundation

/// The files of a folder that make up an adapter: every regular file that is not hidden, at any depth.
struct AdapterFiles {
    /// Relative to the folder, sorted.
    let paths: [String]
    /// Of all of them, in bytes, when they were listed.
    let bytes: Int

    static let countLimit = 4096

    /// Links to files are taken as the files they lead to (a download cache keeps models so); links to folders are refused, for they may
    /// lead in circles.
    /// - Throws: `.badSource`, `.badPath`, `.overLimit` or `.system`.
    init(folder: URL) throws(AdapterStorageError) {
        var paths: [String] = []
        var bytes = 0
        var status = stat()
        guard stat(folder.path, &status) == 0 else {
            throw .system(path: folder.path, doing: "looking for the folder", reason: systemErrorText())
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .badSource(path: folder.path, problem: "it is no folder") }
        var folders = [""]
        while let inside = folders.popLast() {
            for name in try DurableFolder.names(folder.appendingPathComponent(inside).path) where !name.hasPrefix(".") {
                let path = inside.isEmpty ? name : "\(inside)/\(name)"
                let place = folder.appendingPathComponent(path).path
                var itself = stat()
                guard lstat(place, &itself) == 0, stat(place, &status) == 0 else {
                    throw .system(path: place, doing: "examining it", reason: systemErrorText())
                }
                switch status.st_mode & S_IFMT {
                case S_IFREG:
                    paths.append(path)
                    bytes += Int(status.st_size)
                case S_IFDIR where itself.st_mode & S_IFMT == S_IFDIR:
                    // Before going on, so that the depth is bounded.
                    try RelativePath.check([path], in: folder.path)
                    folders.append(path)
                case S_IFDIR:
                    throw .badSource(path: place, problem: "it is a link to a folder; an adapter's folder holds files and folders")
                default: throw .badSource(path: place, problem: "it is neither a file nor a folder")
                }
                guard paths.count + folders.count <= Self.countLimit else {
                    throw .overLimit(
                        file: folder.path, what: "the number of files", got: paths.count + folders.count, limit: Self.countLimit)
                }
            }
        }
        guard !paths.isEmpty else { throw .badSource(path: folder.path, problem: "the folder holds no files") }
        self.paths = paths.sorted()
        self.bytes = bytes
        try RelativePath.check(self.paths, in: folder.path)
    }
}
