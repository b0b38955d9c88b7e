import Foundation

extension PackedCache {
    /// Removes the files used longest ago until the rest fits the limit, and unfinished files that no process can still be writing.
    /// `kept` stays whatever its size. A file that another process has read is no longer needed by it.
    func removeOldest(keeping kept: String) {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: settings.folder.path) else { return }
        let now = Date().timeIntervalSince1970
        var files: [FileStamp] = []
        for name in names {
            guard let stamp = FileStamp(path: settings.folder.appendingPathComponent(name).path), stamp.isRegular else { continue }
            if name.hasSuffix(PackedFileWriter.partialSuffix) {
                let isAbandoned = now - Double(stamp.modified) * 1e-9 > Self.abandonedSeconds
                if isAbandoned { unlink(stamp.path) }
            } else if name.hasSuffix(Self.fileSuffix) {
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

    /// An unfinished file is written to all the time; a day of silence means that its writer was killed.
    static let abandonedSeconds = 86_400.0
}
