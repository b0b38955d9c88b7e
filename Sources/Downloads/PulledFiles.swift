import Foundation

/// What a pull brought, and where from; kept beside the files.
package struct PulledFiles: Sendable, Equatable, Codable {
    package struct File: Sendable, Equatable, Codable {
        /// Relative to the folder.
        package let path: String
        package let bytes: Int
        /// 64 lowercase hexadecimal digits.
        package let sha256: String
    }

    /// As a person would write it.
    package let source: String
    /// Of the Hub's revision; nil for other sources.
    package let commit: String?
    /// Sorted by path.
    package let files: [File]
    /// Of these, bytes that were here before.
    package var bytesFound = 0

    package var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

    private enum CodingKeys: String, CodingKey { case source, commit, files }

    package static let recordName = ".resa-pull.json"

    /// What an earlier pull wrote into `folder`; nil when there was none.
    package static func record(in folder: URL) -> PulledFiles? {
        let path = folder.appendingPathComponent(recordName).path
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: 16 << 20) else { return nil }
        return try? JSONDecoder().decode(PulledFiles.self, from: data)
    }

    func write(into folder: URL) throws(PullError) {
        let url = folder.appendingPathComponent(Self.recordName)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do { try encoder.encode(self).write(to: url, options: .atomic) } catch {
            throw .disk(path: url.path, reason: error.localizedDescription)
        }
    }

    /// Whether every file is there with its size. Reads no content.
    package func isPresent(in folder: URL) -> Bool {
        files.allSatisfy { file in
            guard (try? RemotePath.check(file.path)) != nil else { return false }
            var status = stat()
            return stat(folder.appendingPathComponent(file.path).path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
                && Int(status.st_size) == file.bytes
        }
    }
}

/// What a pull into a folder brought.
package struct PullReport: Encodable {
    package let path: String
    package let source: String
    package let commit: String?
    package let bytes: Int
    package let bytesFound: Int
    package let files: [PulledFiles.File]

    package init(_ pulled: PulledFiles, path: String) {
        self.path = path
        (source, commit, bytes, bytesFound, files) = (pulled.source, pulled.commit, pulled.bytes, pulled.bytesFound, pulled.files)
    }
}
