import Foundation
import Synchronization

/// What verbs print: results on standard output, everything else on standard error.
enum Console {
    private static let isSilent = Atomic(false)

    /// Prints nothing from now on: another process of the same run speaks.
    static func silence() { isSilent.store(true, ordering: .relaxed) }

    static func print(_ text: String) { write(text, to: .standardOutput) }

    static func printLine(_ text: String) { print(text + "\n") }

    static func note(_ text: String) { write(text, to: .standardError) }

    private static func write(_ text: String, to handle: FileHandle) {
        if !isSilent.load(ordering: .relaxed) { handle.write(Data(text.utf8)) }
    }

    /// Everything on standard input.
    static func input() -> Data { FileHandle.standardInput.readDataToEndOfFile() }

    /// A report as JSON with sorted names.
    static func printJSON(_ report: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        printLine(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    /// Lines of `name  value`, the values aligned. Pairs without a value are left out.
    static func printFacts(_ facts: [(name: String, value: String?)]) {
        let shown = facts.filter { $0.value != nil }
        let width = shown.map(\.name.count).max() ?? 0
        for (name, value) in shown {
            printLine(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + (value ?? ""))
        }
    }

    /// Rows with aligned columns, under a heading.
    static func printTable(_ heading: [String], _ rows: [[String]]) {
        let widths = heading.indices.map { column in ([heading] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [heading] + rows {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell.padding(toLength: widths[column] + 2, withPad: " ", startingAt: 0)
            }
            printLine(cells.joined())
        }
    }
}

/// Quantities as people read them.
enum Quantity {
    /// In powers of 1000, as disks and bandwidths are sold.
    static func bytes(_ count: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var value = Double(count)
        var unit = 0
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : String(format: value < 10 ? "%.2f %@" : "%.1f %@", value, units[unit])
    }

    static func count(_ number: Int) -> String {
        switch number {
        case 1_000_000_000...: String(format: "%.2f B", Double(number) / 1e9)
        case 1_000_000...: String(format: "%.1f M", Double(number) / 1e6)
        default: String(number)
        }
    }
}

/// A failure of the command line itself, in one line.
struct CommandError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
