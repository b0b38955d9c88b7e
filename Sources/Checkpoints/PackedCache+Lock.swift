import Foundation

extension PackedCache {
    /// Waits for the right to pack `key`, among all processes. One that had to wait may find that another made the file meanwhile. Nil when the
    /// folder cannot be written, the system has no such locks, or the wait takes longer than `waitSeconds`: then the caller packs without it,
    /// which costs time but is as correct.
    package func lock(key: String) -> FileLock? {
        guard (try? prepareFolder()) != nil else { return nil }
        let path = settings.folder.appendingPathComponent(".\(key).lock").path
        return try? FileLock(file: path, seconds: settings.waitSeconds) { report(.waiting) }
    }
}
