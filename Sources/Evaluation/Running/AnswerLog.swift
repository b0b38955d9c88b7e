import Checkpoints
import Foundation
import JSONText
import Synchronization

/// The answers of an evaluation on disk: a folder with `answers.jsonl`, to which every answer is appended as it comes, and a lock.
///
/// Lines are settings (`{"setting": name, "value": text}`) or answers. Whatever ends the process, at most the last line is torn; it is cut
/// off at the next start and its answer asked for again. A line that could not be written whole, because the disk is full, is taken back.
package final class AnswerLog: Sendable {
    package let folder: String
    /// The answers' file.
    package let path: String
    private let lock: FileLock

    private struct State {
        let file: AppendingFile<EvaluationError>
        var isDirty = false
        var lastSync = ContinuousClock.now
        var applied: [String: String] = [:]
    }

    private let state: Mutex<State>
    private static let syncInterval = Duration.seconds(2)

    /// Opens or makes `folder`, checks `settings` against those that are there and adds those that are not.
    /// - Parameter handle: gets every answer that is there.
    /// - Throws: `EvaluationError`; nothing is changed then.
    package init(
        folder: String, settings: [(name: String, value: String)], handle: (AnswerRecord) throws(EvaluationError) -> Void
    ) throws(EvaluationError) {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .cannotWrite(path: folder, reason: (error as NSError).localizedDescription)
        }
        path = folder + "/answers.jsonl"
        lock = try Self.takeLock(folder)
        state = Mutex(State(file: try AppendingFile(path)))
        let (length, known, applied) = try Self.read(path, handle)
        let differences = settings.compactMap { name, value in
            known[name].flatMap { $0 == value ? nil : "\(name) was \(Self.short($0)) and is \(Self.short(value))" }
        }
        if !differences.isEmpty { throw .otherSettings(folder: folder, differences: differences) }
        try state.withLock { (state) throws(EvaluationError) in
            try state.file.truncate(to: length)
            state.applied = applied
        }
        for (name, value) in settings where known[name] == nil {
            try append(["setting": .string(name), "value": .string(value)])
        }
        try sync()
    }

    deinit { try? sync() }

    private static func takeLock(_ folder: String) throws(EvaluationError) -> FileLock {
        let path = folder + "/.lock"
        do throws(FileLock.Problem) {
            return try FileLock(file: path)
        } catch {
            throw error.told(held: .inUse(path: folder)) { .cannotWrite(path: path, reason: $1) }
        }
    }

    private static func short(_ text: String) -> String { text.count <= 80 ? "'\(text)'" : "'\(text.prefix(76))...'" }

    // MARK: Reading

    private static func read(
        _ path: String, _ handle: (AnswerRecord) throws(EvaluationError) -> Void
    ) throws(EvaluationError) -> (length: Int, settings: [String: String], applied: [String: String]) {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw .cannotRead(path: path, reason: (error as NSError).localizedDescription)
        }
        var (settings, applied): ([String: String], [String: String]) = ([:], [:])
        var (start, number) = (0, 0)
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            number += 1
            let place = "\(path) line \(number)"
            let line: JSON
            do {
                line = try JSON(parsing: bytes[start..<end])
            } catch {
                throw .damagedLog(place: place, reason: "is no JSON, \(error); move the file away, or cut it before this line")
            }
            if let name = line["setting"]?.string, let value = line["value"]?.string {
                settings[name] = value
            } else if let record = AnswerRecord(line) {
                if let text = record.answer.applied {
                    if let known = applied[record.key.arm], known != text {
                        throw .adapterChanged(arm: record.key.arm, was: known, now: text)
                    }
                    applied[record.key.arm] = text
                }
                try handle(record)
            } else {
                throw .damagedLog(place: place, reason: "is neither a setting nor an answer; is this the folder of an evaluation?")
            }
            start = end + 1
        }
        return (start, settings, applied)
    }

    // MARK: Writing

    /// Refuses an adapter that is not what earlier answers of the arm were given with.
    package func check(arm: String, applied: String) throws(EvaluationError) {
        if let known = state.withLock({ $0.applied[arm] }), known != applied { throw .adapterChanged(arm: arm, was: known, now: applied) }
    }

    /// The answer is in the file when this returns, and on the disk a few seconds later.
    package func append(_ record: AnswerRecord) throws(EvaluationError) {
        if let applied = record.answer.applied {
            let known = state.withLock { state in
                let known = state.applied[record.key.arm] ?? applied
                state.applied[record.key.arm] = known
                return known
            }
            if known != applied { throw .adapterChanged(arm: record.key.arm, was: known, now: applied) }
        }
        try append(record.json)
    }

    private func append(_ line: JSON) throws(EvaluationError) {
        var bytes = JSONWriter.bytes(line)
        bytes.append(0x0A)
        try state.withLock { (state) throws(EvaluationError) in
            try state.file.append(bytes)
            state.isDirty = true
            if ContinuousClock.now - state.lastSync >= Self.syncInterval { try Self.sync(&state) }
        }
    }

    /// Waits until everything is on the disk.
    package func sync() throws(EvaluationError) {
        try state.withLock { (state) throws(EvaluationError) in try Self.sync(&state) }
    }

    private static func sync(_ state: inout State) throws(EvaluationError) {
        state.lastSync = .now
        guard state.isDirty else { return }
        try state.file.sync()
        state.isDirty = false
    }
}
