import Adapters
import Foundation

/// What tells a changed file from an unchanged one without reading it.
struct FileStamp: Hashable, Sendable {
    let path: String
    let size: Int
    let inode: UInt64
    let modifiedSeconds: Int
    let modifiedNanoseconds: Int
    let isRegular: Bool

    /// Nil when nothing is there (or a symbolic link leads nowhere).
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.path = path
        size = Int(status.st_size)
        inode = UInt64(status.st_ino)
        #if canImport(Darwin)
            let modified = status.st_mtimespec
        #else
            let modified = status.st_mtim
        #endif
        modifiedSeconds = Int(modified.tv_sec)
        modifiedNanoseconds = Int(modified.tv_nsec)
        isRegular = status.st_mode & S_IFMT == S_IFREG
    }

    var isCurrent: Bool { FileStamp(path: path) == self }
}
