import Foundation

/// Files named on the command line.
package enum InputFile {
    /// - Throws: `CommandError` naming the file and the reason.
    package static func data(_ path: String) throws -> Data {
        if path == "-" { return try Console.input() }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw CommandError("\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
    }

    package static func text(_ path: String) throws -> String {
        guard let text = String(validating: try data(path), as: UTF8.self) else { throw CommandError("\(path) is not UTF-8 text") }
        return text
    }
}
