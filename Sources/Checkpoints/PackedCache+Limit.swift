import Foundation

extension PackedCache {
    /// Removes the files used longest ago until the rest fits the limit. `kept` stays whatever its size. A file that another process has read is no longer needed by it.
    func removeOldest(keeping kept: String) {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: settings.folder.path) else { return }
        var files: [FileStamp] = []
        for name in names {
            guard let stamp = FileStamp(path: settings.folder.appendingPathComponent(name).path), stamp.isRegular else { continue }
            if name.hasSuffix(Self.fileSuffix) {
                files.append(stamp)
            }
        }
        var total = files.reduce(0) { $0 + $1.size }
        for file in files.sorted(by: { $0.modified < $1.modified }) where total > settings.limitBytes && file.path != kept {
            guard unlink(file.path) == 0 else { continue }
            total -= file.size
            report(.removed(file: file.path, bytes: file.size))
        }
    }

    /// Removes unfinished files whose writers are gone. A writer holds the lock of its file; where the system has no such locks, a day without
    /// a byte tells.
    package func removeUnfinished() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: settings.folder.path)) ?? []
        let now = Date().timeIntervalSince1970
        for name in names where name.hasSuffix(PackedFileWriter.partialSuffix) {
            let path = settings.folder.appendingPathComponent(name).path
            guard let stamp = FileStamp(path: path), stamp.isRegular else { continue }
            let age = now - Double(stamp.modified) * 1e-9
            let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            // One that was made just now may not be locked yet.
            let isGone =
                flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? age > Self.graceSeconds : errno != EWOULDBLOCK && age > Self.silentSeconds
            if isGone { unlink(path) }
        }
    }

    private static let graceSeconds = 10.0
    private static let silentSeconds = 86_400.0
}
