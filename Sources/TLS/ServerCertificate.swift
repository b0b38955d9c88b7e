import Foundation
import Logging
import Synchronization

/// Where a server's certificate and key stand, in PEM.
package struct TLSFiles: Sendable, Equatable {
    /// The server's certificate, then those that lead to its authority.
    package let certificate: String
    package let key: String

    package init(certificate: String, key: String) { (self.certificate, self.key) = (certificate, key) }
}

/// The certificate that new connections get. Its files are looked at again while connections come; what has changed is read, and what is of
/// no use leaves the one before in its place. Connections keep the certificate that they began with.
package final class ServerCertificate: Sendable {
    private struct Stamp: Equatable {
        var seconds = 0, nanoseconds = 0, size = 0, node: UInt64 = 0
    }

    private struct State {
        var context: TLSContext
        var stamps: [Stamp]
        var lastLook = ContinuousClock.now
    }

    private let files: TLSFiles
    private let state: Mutex<State>
    /// Between two looks at the files.
    private static let pause = Duration.milliseconds(500)

    /// - Throws: `TLSError`.
    package init(_ files: TLSFiles) throws(TLSError) {
        self.files = files
        // Before the files are read: what changes meanwhile is read again.
        let stamps = Self.stamps(files)
        state = Mutex(State(context: try TLSContext(files), stamps: stamps))
    }

    /// What a new connection greets its client with.
    func current(_ logger: Logger) -> TLSContext {
        state.withLock { state in
            guard ContinuousClock.now - state.lastLook >= Self.pause else { return state.context }
            state.lastLook = .now
            let stamps = Self.stamps(files)
            guard stamps != state.stamps else { return state.context }
            state.stamps = stamps
            do {
                state.context = try TLSContext(files)
                logger.notice("the certificate was read again", metadata: ["file": .string(files.certificate)])
            } catch {
                logger.error("the new certificate is of no use, the one before stays", metadata: ["problem": .string("\(error)")])
            }
            return state.context
        }
    }

    private static func stamps(_ files: TLSFiles) -> [Stamp] {
        [files.certificate, files.key].map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return Stamp() }
            return Stamp(
                seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, size: Int(status.st_size), node: UInt64(status.st_ino))
        }
    }
}
