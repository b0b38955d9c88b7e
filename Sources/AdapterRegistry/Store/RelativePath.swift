import Checkpoints
import Foundation

/// Which names the files of an adapter may have: those that stay inside their folder and mean the same on every file system.
enum RelativePath {
    static let lengthLimit = 1024
    private static let componentLimit = 255
    private static let depthLimit = 8

    /// - Parameter file: the folder, pack or manifest the names come from, for errors.
    /// - Throws: `.badPath` for the first that is absolute, empty, too long, leaves its folder, holds control characters, or cannot lie
    ///   beside the others where case and Unicode composition make no difference.
    static func check(_ paths: [String], in file: String) throws(AdapterStorageError) {
        // Every file and folder by the name it has for a file system that folds case; true for files.
        var taken: [String: (spelled: String, isFile: Bool)] = [:]
        for path in paths {
            if let problem = problem(path) { throw .badPath(file: file, path: String(path.prefix(200)), problem: problem) }
            let parts = path.pathParts
            for depth in 1...parts.count {
                let spelled = parts[..<depth].joined(separator: "/")
                let isFile = depth == parts.count
                let key = folded(spelled)
                guard let other = taken[key] else {
                    taken[key] = (spelled, isFile)
                    continue
                }
                guard !isFile, !other.isFile, other.spelled.utf8.elementsEqual(spelled.utf8) else {
                    throw .badPath(
                        file: file, path: path,
                        problem: other.spelled.utf8.elementsEqual(path.utf8) ? "is there twice" : "collides with '\(other.spelled)'")
                }
            }
        }
    }

    private static func problem(_ path: String) -> String? {
        if path.utf8.count > lengthLimit { return "is longer than \(lengthLimit) bytes" }
        if path.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) }) {
            return "holds a control character"
        }
        if path.utf8.contains(UInt8(ascii: "\\")) { return "holds a backslash" }
        if path.utf8.first == UInt8(ascii: "/") { return "is absolute" }
        let parts = path.pathParts
        if parts.count > depthLimit { return "lies more than \(depthLimit) folders deep" }
        for part in parts {
            if part.isEmpty { return "has an empty part" }
            if part == "." || part == ".." { return "holds '\(part)'" }
            if part.utf8.count > componentLimit { return "has a part longer than \(componentLimit) bytes" }
        }
        return nil
    }

    private static func folded(_ path: String) -> String {
        path.decomposedStringWithCompatibilityMapping.lowercased().decomposedStringWithCompatibilityMapping
    }
}
