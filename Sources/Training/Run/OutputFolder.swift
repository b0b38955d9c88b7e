import Checkpoints
import Foundation

/// The folder a run writes to. One process at a time works in it; the system frees it when that process ends in any way.
package final class OutputFolder {
    package let path: String
    private let lock: FileLock

    /// Makes the folder where missing, and takes it.
    /// - Throws: `.busy` when another process has it, `.disk`.
    package init(_ path: String) throws(TrainingError) {
        self.path = path
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw .disk(path: path, doing: "making the folder", reason: error.localizedDescription)
        }
        do throws(FileLock.Problem) {
            lock = try FileLock(folder: path)
        } catch {
            throw error.told(held: .busy(folder: path)) { .disk(path: path, doing: $0, reason: $1) }
        }
    }

    package func file(_ name: String) -> String { path + "/" + name }

    package func holds(_ name: String) -> Bool { access(file(name), F_OK) == 0 }

    /// Writes a small file, whole or not at all.
    package func write(_ name: String, _ bytes: [UInt8]) throws(TrainingError) {
        let file = try DurableFile(file(name))
        try file.write(bytes)
        try file.commit()
    }

    package func remove(_ name: String) throws(TrainingError) {
        guard unlink(file(name)) == 0 || errno == ENOENT else {
            throw .disk(path: file(name), doing: "removing it", reason: systemErrorText())
        }
    }
}
