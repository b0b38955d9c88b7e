import Adapters
import Checkpoints
import Digests
import Foundation
import Synchronization

/// SHA-256 of files, read once for as long as path, size and time of change stay the same.
final class FileDigests: Sendable {
    private let cache = Mutex<[FileStamp: String]>([:])
    private static let portion = 1 << 20

    /// The digest of a set of files: SHA-256 over one line `<hex of the file>  <name>` per file, sorted by name.
    /// - Parameters:
    ///   - files: stamps of regular files by the name they have inside the adapter.
    ///   - known: hashes by the same names, of files that need not be read.
    func digest(_ files: [String: FileStamp], known: [String: String] = [:], adapter: String) throws(AdapterError) -> String {
        var hash = StreamingDigest()
        for (name, stamp) in files.sorted(by: { $0.key < $1.key }) {
            let digest = if let digest = known[name] { digest } else { try digest(stamp, adapter: adapter, shownAs: name) }
            hash.update("\(digest)  \(name)\n")
        }
        return "sha256:" + hash.hex()
    }

    private func digest(_ stamp: FileStamp, adapter: String, shownAs name: String) throws(AdapterError) -> String {
        if let known = cache.withLock({ $0[stamp] }) { return known }
        let digest = try Self.read(stamp, adapter: adapter, shownAs: name)
        cache.withLock { $0[stamp] = digest }
        return digest
    }

    private static func read(_ stamp: FileStamp, adapter: String, shownAs name: String) throws(AdapterError) -> String {
        func bad(_ problem: String) -> AdapterError { .badFile(adapter: adapter, file: name, problem: problem) }
        guard stamp.isRegular else { throw bad("it is not a regular file") }
        // O_NONBLOCK: should a pipe have taken the file's place, opening it must not wait.
        let descriptor = open(stamp.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw bad("it cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var hash = StreamingDigest()
        var remaining = stamp.size
        var buffer = [UInt8](repeating: 0, count: min(portion, max(remaining, 1)))
        while remaining > 0 {
            let count = buffer.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, min($0.count, remaining)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw bad("it cannot be read to its end; was it changed just now?") }
            buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            remaining -= count
        }
        return hash.hex()
    }
}
