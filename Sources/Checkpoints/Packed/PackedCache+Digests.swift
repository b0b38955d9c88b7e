import Foundation
import Tensors

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
