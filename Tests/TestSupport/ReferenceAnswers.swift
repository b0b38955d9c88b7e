// TestSupport: where tests find what the reference implementations answered.

import Foundation

/// The folder that `Tests/Reference/make_goldens.py` fills; `make test` makes it and names it in `RESA_GOLDENS`.
package enum ReferenceAnswers {
    package struct Missing: Error, CustomStringConvertible {
        let variable: String
        package var description: String { "\(variable) is not set: run the tests through `make test`, which makes what they compare with" }
    }

    /// The answers' folder.
    /// - Throws: `Missing` when the variable is not set: such a test fails, it never passes unseen.
    package static func folder(_ name: String) throws -> URL {
        try path("RESA_GOLDENS").appendingPathComponent(name)
    }

    /// The default model's GGUF file.
    package static func defaultModel() throws -> URL { try path("RESA_MODEL") }

    /// The adapters that come with the repository.
    package static let repositoryAdapters = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("adapters")

    package static func decode<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(contentsOf: file))
    }

    private static func path(_ variable: String) throws -> URL {
        guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else { throw Missing(variable: variable) }
        return URL(fileURLWithPath: path)
    }
}
