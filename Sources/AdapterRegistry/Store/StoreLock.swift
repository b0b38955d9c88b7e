import Checkpoints
import Foundation

/// The store's lock among processes: adding shares it, sweeping has it alone, so that a sweep never meets a blob whose manifest is still
/// to be written. The system gives it back when its holder ends, however that comes about.
final class StoreLock {
    enum Kind { case shared, alone }

    private let descriptor: Int32

    /// - Parameter seconds: how long to wait for others.
    /// - Throws: `.busy` after that time; `.system` when the lock file cannot be made.
    init(_ path: String, _ kind: Kind, store: String, doing: String, seconds: Double) throws(AdapterStorageError) {
        // The file stays: removing it would let two processes lock two files of one name.
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(path: path, doing: "opening the lock", reason: systemErrorText()) }
        let start = ContinuousClock.now
        while flock(descriptor, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
            let code = errno
            guard code == EWOULDBLOCK || code == EINTR, ContinuousClock.now - start < .seconds(seconds) else {
                close(descriptor)
                if code == EWOULDBLOCK || code == EINTR { throw .busy(store: store, doing: doing) }
                throw .system(path: path, doing: "locking it", reason: String(cString: strerror(code)))
            }
            usleep(20_000)
        }
    }

    deinit { close(descriptor) }
}
