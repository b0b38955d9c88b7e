import Foundation

extension PackedCache {
    /// The right to pack one key, among all processes; given back when this object goes, or its process ends.
    package final class Lock {
        private let descriptor: Int32
        /// Whether another process had it first, and so may have made the file meanwhile.
        package let hadToWait: Bool

        fileprivate init(descriptor: Int32, hadToWait: Bool) { (self.descriptor, self.hadToWait) = (descriptor, hadToWait) }

        deinit { close(descriptor) }
    }

    /// Waits for the lock of `key`. Nil when the folder cannot be written, the system has no such locks, or the wait takes longer than
    /// `waitSeconds`: then the caller packs without it, which costs time but is as correct.
    package func lock(key: String) -> Lock? {
        guard (try? prepareFolder()) != nil else { return nil }
        // The file stays: removing it would let two processes lock two files of one name.
        let path = settings.folder.appendingPathComponent(".\(key).lock").path
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return nil }
        let start = ContinuousClock.now
        var waited = false
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, ContinuousClock.now - start < .seconds(settings.waitSeconds) else {
                close(descriptor)
                return nil
            }
            if !waited { report(.waiting) }
            waited = true
            usleep(50_000)
        }
        return Lock(descriptor: descriptor, hadToWait: waited)
    }
}
