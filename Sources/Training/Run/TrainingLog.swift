import Checkpoints
import Foundation
import JSONText

/// A log of steps, one JSON object a line, each with the number of its step under `step`.
package final class TrainingLog {
    package static let file = "log.jsonl"
    private let file: AppendingFile<TrainingError>

    /// Opens the log of a run that goes on after step `step`: lines of later steps, and one that was cut short, are removed.
    package init(folder: OutputFolder, afterStep step: Int) throws(TrainingError) {
        let path = folder.file(Self.file)
        let kept = Self.lines(path).prefix { line in
            guard let number = (try? JSON(parsing: line))?["step"]?.int else { return false }
            return number <= step
        }
        try folder.write(Self.file, Array(kept.map { $0 + [0x0A] }.joined()))
        file = try AppendingFile(path)
    }

    package func append(_ members: JSONObject) throws(TrainingError) { try file.append(JSONWriter.bytes(.object(members)) + [0x0A]) }

    package func sync() throws(TrainingError) { try file.sync() }

    /// The members of every whole line of a log, in order.
    package static func read(_ path: String) -> [JSON] { lines(path).compactMap { try? JSON(parsing: $0) } }

    private static func lines(_ path: String) -> [[UInt8]] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        // What follows the last line break was cut short.
        return data.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast().map { Array($0) }
    }
}
