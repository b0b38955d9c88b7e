import Checkpoints

/// Paths that a stranger's listing, or the name in a link, gives.
enum RemotePath {
    /// Names that a pull itself writes beside the files.
    static let partialSuffix = ".part"
    static let resumptionSuffix = ".part.json"

    /// A relative path that stays inside whatever folder it is appended to, on any system.
    /// - Throws: `PullError.unsafePath`.
    static func check(_ path: String) throws(PullError) {
        func refused(_ reason: String) -> PullError { .unsafePath(path: shown(path), reason: reason) }
        guard !path.isEmpty else { throw refused("it is empty") }
        guard path.utf8.count <= 1024 else { throw refused("it is longer than 1024 bytes") }
        guard path.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f && !(0x80..<0xa0).contains($0.value) }) else {
            throw refused("it holds control characters")
        }
        guard !path.utf8.contains(UInt8(ascii: "\\")) else { throw refused("it holds a backslash") }
        guard path.utf8.first != UInt8(ascii: "/") else { throw refused("it is absolute") }
        let parts = path.pathParts
        for part in parts {
            guard !part.isEmpty, part != ".", part != ".." else { throw refused("'\(part)' is no name") }
            // Room for `.part.json`.
            guard part.utf8.count <= 240 else { throw refused("a name in it is longer than 240 bytes") }
        }
        let last = parts.last ?? ""
        guard !last.hasSuffix(partialSuffix), !last.hasSuffix(resumptionSuffix), path != PulledFiles.recordName else {
            throw refused("a pull keeps its own notes under this name")
        }
    }

    /// Every path is safe, none is there twice, and none is a folder of another.
    static func check(all paths: [String]) throws(PullError) {
        var files: Set<String> = []
        for path in paths {
            try check(path)
            guard files.insert(path).inserted else { throw .unsafePath(path: path, reason: "it is there twice") }
        }
        for path in paths {
            var folder = path[...]
            while let slash = folder.utf8.lastIndex(of: UInt8(ascii: "/")) {
                folder = folder[..<slash]
                guard !files.contains(String(folder)) else { throw .unsafePath(path: path, reason: "'\(folder)' is a file too") }
            }
        }
    }

    /// The path as part of a URL.
    static func percentEncoded(_ path: String, keepingSlashes: Bool = true) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: "/") where keepingSlashes: bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func shown(_ path: String) -> String {
        String(path.unicodeScalars.prefix(120).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) })
    }
}
