import Digests
import JSONText

/// What the Hub says a revision of a repository holds.
struct HubListing: Equatable {
    struct Entry: Equatable {
        let path: String
        var size: Int?
        var check: ContentCheck?
    }

    /// The commit that the revision names now: 40 hexadecimal digits.
    let commit: String
    /// Safe paths, each once.
    let entries: [Entry]

    static let limitBytes = 64 << 20

    /// Reads the answer of `api/models/ORG/REPO/revision/REV?blobs=true`.
    /// - Throws: `.wrongAnswer` when it is no such listing, `.unsafePath`.
    init(_ bytes: [UInt8], address: String) throws(PullError) {
        func wrong(_ error: JSONError) -> PullError {
            .wrongAnswer(file: "the listing", address: address, got: "\(error.got) (\(error.fullPlace))", wanted: error.wanted)
        }
        do throws(JSONError) {
            let json = try JSON(parsing: bytes, rules: .message)
            commit = try json.string("sha")
            var entries: [Entry] = []
            for sibling in try json.array("siblings") { entries.append(try Self.entry(sibling)) }
            self.entries = entries
        } catch { throw wrong(error) }
        guard HexText.isHex(commit, digits: 40) else {
            throw wrong(JSONError(place: "sha", got: "\"\(commit.prefix(60))\"", wanted: "a commit"))
        }
        try RemotePath.check(all: entries.map(\.path))
    }

    private static func entry(_ json: JSON) throws(JSONError) -> Entry {
        var entry = Entry(path: try json.string("rfilename"), size: try size(json, "size"))
        if let object = json["lfs"], !object.isNull {
            entry.size = try size(object, "size") ?? entry.size
            if let digest = try object.optionalString("sha256") {
                guard HexText.isHex(digest, digits: 64) else {
                    throw JSONError(place: "lfs of \(entry.path)", got: "\"\(digest.prefix(80))\"", wanted: "64 hexadecimal digits")
                }
                entry.check = .sha256(digest)
            }
        } else if let name = try json.optionalString("blobId"), entry.size != nil {
            guard HexText.isHex(name, digits: 40) else {
                throw JSONError(place: "blobId of \(entry.path)", got: "\"\(name.prefix(80))\"", wanted: "40 hexadecimal digits")
            }
            entry.check = .gitBlob(name)
        }
        return entry
    }

    private static func size(_ json: JSON, _ key: String) throws(JSONError) -> Int? {
        let size = try json.optionalInt(key)
        if let size, size < 0 { throw JSONError(place: key, got: "\(size)", wanted: "a number of bytes") }
        return size
    }

    /// The entries at or below `subpath`, by the name they get in the destination: relative to the folder, or the file's own name.
    /// - Parameter keepsFolder: whether the folder's own name stays in front.
    func entries(below subpath: String, keepsFolder: Bool) -> [(name: String, entry: Entry)] {
        if subpath.isEmpty { return entries.map { ($0.path, $0) } }
        let last = String(subpath.split(separator: "/").last ?? "")
        if let file = entries.first(where: { $0.path == subpath }) { return [(last, file)] }
        return entries.compactMap { entry in
            guard entry.path.hasPrefix(subpath + "/") else { return nil }
            let inside = String(entry.path.dropFirst(subpath.count + 1))
            return (keepsFolder ? "\(last)/\(inside)" : inside, entry)
        }
    }
}
