import Foundation
import JSONText

/// A log of steps, one JSON object a line, each with the number of its step under `step`.
package final class TrainingLog {
    package static let file = "log.jsonl"
    private let path: String
    private let descriptor: Int32

    /// Opens the log of a run that goes on after step `step`: lines of later steps, and one that was cut short, are removed.
    package init(folder: OutputFolder, afterStep step: Int) throws(TrainingError) {
        path = folder.file(Self.file)
        let kept = Self.lines(path).prefix { line in
            guard let number = (try? JSON(parsing: line))?["step"]?.int else { return false }
            return number <= step
        }
        try folder.write(Self.file, Array(kept.map { $0 + [0x0A] }.joined()))
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw .disk(path: path, doing: "opening it", reason: DurableFile.reason()) }
    }

    deinit { close(descriptor) }

    package func append(_ members: JSONObject) throws(TrainingError) {
        let line = JSONWriter.bytes(.object(members)) + [0x0A]
        guard line.withUnsafeBytes({ write(descriptor, $0.baseAddress!, $0.count) }) == line.count else {
            throw .disk(path: path, doing: "writing it", reason: DurableFile.reason())
        }
    }

    package func sync() throws(TrainingError) {
        guard fsync(descriptor) == 0 else { throw .disk(path: path, doing: "writing it to the disk", reason: DurableFile.reason()) }
    }

    /// The members of every whole line of a log, in order.
    package static func read(_ path: String) -> [JSON] { lines(path).compactMap { try? JSON(parsing: $0) } }

    private static func lines(_ path: String) -> [[UInt8]] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        // What follows the last line break was cut short.
        return data.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast().map { Array($0) }
    }
}
