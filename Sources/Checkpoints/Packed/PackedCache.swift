import Foundation
import Tensors

/// A folder of packed files, one per key, shared by all processes of a user. What is damaged, stale or missing is made anew; a folder that
/// cannot be used is reported and done without.
package final class PackedCache: Sendable {
    package struct Settings: Sendable, Equatable {
        /// Made when it is missing.
        package var folder: URL
        /// Bytes that all files together may take; beyond it those used longest ago are removed.
        package var limitBytes = 64_000_000_000
        /// Seconds to wait for another process that packs the same.
        package var waitSeconds = 900.0

        package init(folder: URL) { self.folder = folder }

        /// `packed` in the cache folder that scripts use too: `$RESA_CACHE`, `$XDG_CACHE_HOME/resa`, or `~/.cache/resa`.
        package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> Settings {
            func named(_ variable: String) -> URL? {
                environment[variable].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
            }
            let base =
                named("RESA_CACHE") ?? named("XDG_CACHE_HOME")?.appendingPathComponent("resa", isDirectory: true)
                ?? URL(fileURLWithPath: NSHomeDirectory(), isDirectory: true).appendingPathComponent(".cache/resa", isDirectory: true)
            return Settings(folder: base.appendingPathComponent("packed", isDirectory: true))
        }
    }

    /// What a person may want to know.
    package enum Event: Sendable, Equatable, CustomStringConvertible {
        /// A file is there but cannot be used.
        case rebuilding(file: String, reason: PackedFile.Refusal)
        /// Another process holds the lock of this key.
        case waiting
        case stored(file: String, bytes: Int)
        /// Nothing is kept this time.
        case notStored(reason: String)
        /// Removed to stay within the limit.
        case removed(file: String, bytes: Int)

        package var description: String {
            switch self {
            case .rebuilding(let file, let reason): "packed weights \(file) are made anew: \(reason)"
            case .waiting: "another process is packing this model; waiting for it"
            case .stored(let file, let bytes): "packed weights kept in \(file) (\(bytes / 1_000_000) MB)"
            case .notStored(let reason): "packed weights are not kept: \(reason)"
            case .removed(let file, let bytes): "removed \(file) (\(bytes / 1_000_000) MB) to stay within the packed cache's limit"
            }
        }
    }

    package let settings: Settings
    package let report: @Sendable (Event) -> Void

    static let fileSuffix = ".packed"

    package init(_ settings: Settings, report: @escaping @Sendable (Event) -> Void = { _ in }) {
        (self.settings, self.report) = (settings, report)
    }

    package func path(key: String) -> String { settings.folder.appendingPathComponent(key + Self.fileSuffix).path }

    /// The file of `key`, or nil when there is none that can be used; says why when there is one.
    package func open(key: String, byteCount: Int, pool: WorkerPool, progress: (Double) -> Void = { _ in }) -> PackedFile.Content? {
        let path = path(key: key)
        guard access(path, F_OK) == 0 else { return nil }
        do {
            let content = try PackedFile.read(path: path, key: key, byteCount: byteCount, pool: pool, progress: progress)
            utimensat(AT_FDCWD, path, nil, 0)  // The time of last use, which `removeOldest` goes by.
            return content
        } catch {
            report(.rebuilding(file: path, reason: error))
            return nil
        }
    }

    /// Starts a file of `key`. Nil, with a report, when the folder cannot be written.
    package func writer(key: String, region: MemoryRegion, dataBytes: Int) -> PackedFileWriter? {
        do {
            try prepareFolder()
            return try PackedFileWriter(path: path(key: key), region: region, dataBytes: dataBytes)
        } catch {
            report(.notStored(reason: "\(error)"))
            return nil
        }
    }

    /// Ends a file and removes what is over the limit.
    package func finish(_ writer: PackedFileWriter, key: String, note: String, pool: WorkerPool) {
        do throws(PackedFileWriter.Failure) {
            try writer.finish(key: key, note: note, pool: pool)
        } catch {
            report(.notStored(reason: "\(error)"))
            return
        }
        let path = path(key: key)
        report(.stored(file: path, bytes: FileStamp(path: path)?.size ?? 0))
        removeOldest(keeping: path)
    }

    func prepareFolder() throws(PackedFileWriter.Failure) {
        do {
            try FileManager.default.createDirectory(at: settings.folder, withIntermediateDirectories: true)
        } catch {
            throw PackedFileWriter.Failure(path: settings.folder.path, reason: "the folder cannot be made: \(error)")
        }
    }
}

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

extension PackedCache {
    /// The digest of a checkpoint's files, computed once for as long as they stay as they are (path, size, inode, times).
    ///
    /// - Parameter progress: hears the fraction done when the files have to be read.
    /// - Throws: `CheckpointError.cannotRead`.
    package func digest(
        of files: [OpenFile], pool: WorkerPool, progress: (Double) -> Void = { _ in }
    ) throws(CheckpointError) -> ContentDigest {
        let stamps = files.compactMap(\.stamp)
        // A copy in memory has no stamp.
        guard stamps.count == files.count else { return try ContentDigest(of: files, pool: pool) }
        let name = ContentDigest(text: stamps.map(\.path).joined(separator: "\n")).description.prefix(32)
        let url = settings.folder.appendingPathComponent("\(name)\(Self.digestSuffix)")
        if let data = try? Data(contentsOf: url), let known = try? JSONDecoder().decode(KnownDigest.self, from: data),
            known.stamps == stamps
        {
            return ContentDigest(unchecked: known.digest)
        }
        let digest = try ContentDigest(of: files, pool: pool, progress: progress)
        // Files that change while they are read, or changed so lately that a further change could leave the same times, are read again.
        let now = Int(Date().timeIntervalSince1970 * 1e9)
        let isSettled = stamps.allSatisfy { $0.isCurrent && now - $0.changed > 2_000_000_000 }
        if isSettled, (try? prepareFolder()) != nil,
            let data = try? JSONEncoder().encode(KnownDigest(stamps: stamps, digest: digest.description))
        {
            // Lost or cut short, it costs one more reading; a failure needs no words.
            try? data.write(to: url, options: .atomic)
        }
        return digest
    }

    private static let digestSuffix = ".digest.json"

    /// One file per set of paths, so that processes do not overwrite each other's.
    private struct KnownDigest: Codable {
        var stamps: [FileStamp]
        var digest: String
    }
}
