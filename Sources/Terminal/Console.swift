import Foundation
import Synchronization

/// What verbs print: results on standard output, everything else on standard error. Names and texts of files and requests may be anybody's:
/// what a terminal would obey is shown as escapes (`String.harmless`).
///
/// A result that cannot be written ends the process, with a message and exit code 1, or without a word and 141 when its reader has gone
/// (`| head`), as a signal would. What cannot be told on standard error is not told.
package enum Console {
    private static let isSilent = Atomic(false)
    private static let isTerminal = isatty(STDOUT_FILENO) == 1
    /// Takes what is for standard error when nobody may wait for it.
    private static let background = Mutex<LogWriter?>(nil)

    /// Prints nothing from now on: another process of the same run speaks.
    package static func silence() { isSilent.store(true, ordering: .relaxed) }

    /// A result to the last byte, unless a person reads it.
    package static func print(_ text: String) {
        guard !isSilent.load(ordering: .relaxed) else { return }
        let code = Descriptor.write(isTerminal ? text.harmless(keeping: "\n\t") : text, to: STDOUT_FILENO)
        guard code != 0 else { return }
        if code != EPIPE { note("resa: standard output cannot be written: \(String(cString: strerror(code)))\n") }
        flush()
        // Other threads may be at work: nothing of theirs is taken apart under them.
        _exit(code == EPIPE ? 128 + SIGPIPE : 1)
    }

    /// A line; blank ones may stand before it.
    package static func printLine(_ line: String) { print(shown(line) + "\n") }

    private static func shown(_ line: String) -> String {
        let blanks = line.utf8.prefix { $0 == 0x0A }.count
        return String(repeating: "\n", count: blanks) + String(decoding: line.utf8.dropFirst(blanks), as: UTF8.self).harmless(keeping: "\t")
    }

    /// A line on standard output that is not what the process is for: that it cannot be written is told, and no more.
    package static func announce(_ line: String) {
        let code = Descriptor.write(shown(line) + "\n", to: STDOUT_FILENO)
        if code != 0 { note("resa: standard output cannot be written: \(String(cString: strerror(code)))\n") }
    }

    /// A line for standard error, its end included.
    package static func note(_ line: String) {
        let isEnded = line.utf8.last == 0x0A
        writeError(String(decoding: line.utf8.dropLast(isEnded ? 1 : 0), as: UTF8.self).harmless(keeping: "\t") + (isEnded ? "\n" : ""))
    }

    /// Several lines on standard error, such as how a command is used.
    /// - Parameter always: by a silenced process too.
    package static func tell(_ text: String, always: Bool = false) { writeError(text.harmless(keeping: "\n\t") + "\n", always: always) }

    /// Whether a person reads standard error.
    package static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    /// Puts `line` in place of the terminal's last line.
    package static func draw(_ line: String, ending: String = "") { writeError("\r\(line.harmless())\u{1B}[K\(ending)") }

    private static func writeError(_ text: String, always: Bool = false) {
        guard always || !isSilent.load(ordering: .relaxed) else { return }
        if let writer = background.withLock({ $0 }) { return writer.write(text) }
        _ = Descriptor.write(text, to: STDERR_FILENO)
    }

    /// From now on nobody waits for standard error; what it does not take is dropped and counted.
    /// - Parameter limit: bytes that wait for it.
    package static func writeErrorsInBackground(limit: Int) -> LogWriter {
        background.withLock { background in
            let writer = background ?? LogWriter(descriptor: STDERR_FILENO, limit: limit)
            background = writer
            return writer
        }
    }

    /// Gives what was told a moment to be written; before the process ends.
    package static func flush() { background.withLock { $0 }?.flush(seconds: 1) }

    /// Everything on standard input.
    /// - Throws: `CommandError` when it cannot be read.
    package static func input() throws -> Data {
        var data = Data()
        var portion = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = portion.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if got == 0 { return data }
            if got > 0 {
                data += portion[..<got]
            } else if errno == EAGAIN {
                Descriptor.wait(STDIN_FILENO, for: POLLIN)
            } else if errno != EINTR {
                throw CommandError("standard input cannot be read: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// A report as JSON with sorted names.
    package static func printJSON(_ report: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        print(String(decoding: try encoder.encode(report), as: UTF8.self) + "\n")
    }

    /// Lines of `name  value`, the values aligned. Pairs without a value are left out.
    package static func printFacts(_ facts: [(name: String, value: String?)]) {
        let rows = facts.compactMap { fact in fact.value.map { (name: shown(fact.name), value: $0) } }
        let width = rows.map(\.name.count).max() ?? 0
        for (name, value) in rows {
            print(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + value.harmless() + "\n")
        }
    }

    /// Rows with aligned columns, under a heading.
    package static func printTable(_ heading: [String], _ rows: [[String]]) {
        let rows = ([heading] + rows).map { $0.map { $0.harmless() } }
        let widths = heading.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell.padding(toLength: widths[column] + 2, withPad: " ", startingAt: 0)
            }
            print(cells.joined() + "\n")
        }
    }
}
