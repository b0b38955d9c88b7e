// Texts: rows of text and JSON lines read from files, trigger data and the templates that make it text, and texts cut into chunks of tokens.
// It knows no models, and nothing about what the texts are read for.

/// A file of text that cannot be used. Lines count from 1, 0 stands for the whole file.
package struct TextError: Error, Equatable, CustomStringConvertible {
    package let file: String
    package let line: Int
    package let problem: String

    package init(file: String, line: Int = 0, problem: String) { (self.file, self.line, self.problem) = (file, line, problem) }

    package var description: String { line > 0 ? "\(file), line \(line): \(problem)" : "\(file): \(problem)" }
}
