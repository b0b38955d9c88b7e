import Checkpoints
import Foundation

/// Whether somebody is still writing into an adapter's folder. A copy is many changes, and between two of them the files of two versions may
/// lie side by side, each sound by itself.
enum FolderAge {
    /// Deeper than any adapter's files lie.
    private static let depthLimit = 5
    private static let countLimit = 10_000

    /// Whether anything in the folder was changed less than so many seconds ago. A folder that was moved here whole is as old as it was.
    static func isYounger(_ folder: URL, than seconds: Double) -> Bool {
        var left = countLimit
        return isYounger(folder.path, than: seconds, now: Date().timeIntervalSince1970, depth: 0, left: &left)
    }

    private static func isYounger(_ path: String, than seconds: Double, now: Double, depth: Int, left: inout Int) -> Bool {
        left -= 1
        guard left > 0, let stamp = FileStamp(path: path) else { return false }
        // Either side of now: a clock that was set back makes files of the future.
        func isYoung(_ nanoseconds: Int) -> Bool { abs(now - Double(nanoseconds) * 1e-9) < seconds }
        // A tool may set back the time of what it wrote, not that of having written it. A folder's own has other reasons too.
        if isYoung(stamp.modified) || (stamp.isRegular && isYoung(stamp.changed)) { return true }
        guard !stamp.isRegular, depth < depthLimit, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return false
        }
        return names.contains { isYounger("\(path)/\($0)", than: seconds, now: now, depth: depth + 1, left: &left) }
    }
}

extension FileStamp {
    private static let depthLimit = 5
    private static let countLimit = 200

    /// The stamps of a folder and all that is in it, links followed. Nil when something cannot be looked at, or for very many files.
    static func all(in folder: URL) -> [FileStamp]? {
        var stamps: [FileStamp] = []
        return add(folder.path, depth: 0, to: &stamps) ? stamps : nil
    }

    private static func add(_ path: String, depth: Int, to stamps: inout [FileStamp]) -> Bool {
        guard let stamp = FileStamp(path: path), stamps.count < countLimit else { return false }
        stamps.append(stamp)
        if stamp.isRegular { return true }
        guard depth < depthLimit, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return false }
        return names.allSatisfy { add("\(path)/\($0)", depth: depth + 1, to: &stamps) }
    }
}
