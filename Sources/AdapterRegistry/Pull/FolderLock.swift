import Foundation

/// One process at a time in a folder; the system frees it when the process ends in any way.
struct FolderLock {
    private let descriptor: Int32

    /// Makes the folder when it is missing.
    /// - Throws: `.busy` when another process holds it, `.disk`.
    init(_ folder: URL) throws(PullError) {
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw .disk(path: folder.path, reason: "the folder cannot be made: \(error.localizedDescription)")
        }
        descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError(folder.path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isHeld = errno == EWOULDBLOCK
            let error = systemError(folder.path)
            close(descriptor)
            throw isHeld ? .busy(folder: folder.path) : error
        }
    }

    func release() { close(descriptor) }
}
