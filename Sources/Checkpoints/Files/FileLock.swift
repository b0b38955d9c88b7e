import Foundation

/// An advisory lock among all processes of this machine (`flock`). The system gives it back when this object goes or its process ends, however
/// that comes about.
package final class FileLock: Sendable {
    package enum Kind { case shared, alone }

    package enum Problem: Error {
        /// Another process has it.
        case held
        /// The operating system refused.
        case system(doing: String, reason: String)

        /// The error of those whose lock it is.
        package func told<Failure>(held: Failure, system: (_ doing: String, _ reason: String) -> Failure) -> Failure {
            switch self {
            case .held: held
            case .system(let doing, let reason): system(doing, reason)
            }
        }
    }

    /// Whether another process had it first.
    package let hadToWait: Bool
    private let descriptor: Int32

    /// Locks a folder, which must be there.
    package convenience init(folder path: String) throws(Problem) {
        try self.init(path, O_RDONLY | O_DIRECTORY, .alone, seconds: 0) {}
    }

    /// Locks a file, which is made where missing and stays: removing it would let two processes lock two files of one name.
    /// - Parameters:
    ///   - seconds: how long to wait for others.
    ///   - onWait: called once when others have it.
    package convenience init(
        file path: String, _ kind: Kind = .alone, seconds: Double = 0, onWait: () -> Void = {}
    ) throws(Problem) {
        try self.init(path, O_RDWR | O_CREAT, kind, seconds: seconds, onWait)
    }

    private init(_ path: String, _ flags: Int32, _ kind: Kind, seconds: Double, _ onWait: () -> Void) throws(Problem) {
        descriptor = open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(doing: "opening the lock", reason: systemErrorText()) }
        let start = ContinuousClock.now
        var waited = false
        while flock(descriptor, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
            let (code, reason) = (errno, systemErrorText())
            guard code == EWOULDBLOCK || code == EINTR, ContinuousClock.now - start < .seconds(seconds) else {
                close(descriptor)
                throw code == EWOULDBLOCK || code == EINTR ? .held : .system(doing: "locking it", reason: reason)
            }
            if !waited { onWait() }
            waited = true
            usleep(20_000)
        }
        hadToWait = waited
    }

    deinit { close(descriptor) }
}
