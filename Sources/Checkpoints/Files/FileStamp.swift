import Foundation

/// What tells a changed file from an unchanged one without reading it.
package struct FileStamp: Hashable, Sendable, Codable {
    package let path: String
    package let size: Int
    package let device: UInt64
    package let inode: UInt64
    /// Nanoseconds since 1970: when the content was last written, and when the file was last changed in any way, which no tool can set back.
    package let modified: Int
    package let changed: Int
    package let isRegular: Bool

    /// Nil when nothing is there (or a symbolic link leads nowhere).
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(path: path, status: status)
    }

    init(path: String, status: stat) {
        func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec) }
        self.path = path
        size = Int(status.st_size)
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(status.st_ino)
        #if canImport(Darwin)
            (modified, changed) = (nanoseconds(status.st_mtimespec), nanoseconds(status.st_ctimespec))
        #else
            (modified, changed) = (nanoseconds(status.st_mtim), nanoseconds(status.st_ctim))
        #endif
        isRegular = status.st_mode & S_IFMT == S_IFREG
    }

    package var isCurrent: Bool { FileStamp(path: path) == self }
}
