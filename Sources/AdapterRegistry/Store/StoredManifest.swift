import Digests
import Foundation
import JSONText

/// What the store knows of one version of an adapter: its files and their digests. Kept as `manifests/NAME/TAG.json`:
///
/// ```json
/// {"resa_manifest":1,"source":"hf:org/repo@…","files":[{"path":"adapter_config.json","size":1124,"sha256":"…"}]}
/// ```
package struct StoredManifest: Sendable, Equatable {
    static let sizeLimit = 16 << 20
    private static let version = 1
    private static let rules: JSON.Rules = {
        var rules = JSON.Rules(maximumBytes: sizeLimit, maximumDepth: 8, refusesDuplicateKeys: true)
        rules.acceptsNonFinite = false
        return rules
    }()

    /// Sorted by path.
    package let files: [StoredFile]
    /// Where it was fetched from, when that is worth telling.
    package let source: String?

    /// `sha256:` and 64 digits: the identity of the files, whatever names the adapter has.
    package var digest: String { files.contentDigest }
    package var bytes: Int { files.reduce(0) { $0 + $1.size } }

    /// - Parameter file: who the manifest is for, in errors.
    /// - Throws: `.badPath` for names that cannot lie in one folder; `.malformed` when there are no files.
    init(files: [StoredFile], source: String? = nil, for file: String) throws(AdapterStorageError) {
        guard !files.isEmpty else { throw .malformed(file: file, what: "files", got: "none", wanted: "at least one") }
        try RelativePath.check(files.map(\.path), in: file)
        self.files = files.sorted { $0.path < $1.path }
        self.source = source
    }

    /// - Throws: `.malformed`, `.overLimit` or `.badPath`; what it accepts names only blobs and files inside one folder.
    init(_ data: some Collection<UInt8>, file: String) throws(AdapterStorageError) {
        let files: [StoredFile]
        let source: String?
        do throws(JSONError) {
            let json = try JSON(parsing: data, rules: Self.rules)
            let version = try json.int("resa_manifest")
            guard version == Self.version else {
                throw JSONError(place: "resa_manifest", got: "version \(version)", wanted: "version \(Self.version)")
            }
            source = try json.optionalString("source")
            let elements = try json.array("files")
            guard elements.count <= AdapterFiles.countLimit else {
                throw JSONError(place: "files", got: "\(elements.count)", wanted: "at most \(AdapterFiles.countLimit)")
            }
            files = try elements.map(StoredFile.init)
        } catch {
            throw .malformed(file: file, what: error.fullPlace, got: error.got, wanted: error.wanted)
        }
        try self.init(files: files, source: source, for: file)
    }

    var bytesOfJSON: [UInt8] {
        var members = JSONObject([("resa_manifest", .int(Self.version))])
        if let source { members["source"] = .string(source) }
        members["files"] = .array(files.map(\.json))
        return JSONWriter.bytes(.object(members)) + [UInt8(ascii: "\n")]
    }
}

extension StoredFile {
    init(_ json: JSON) throws(JSONError) {
        path = try json.string("path")
        size = try json.int("size")
        sha256 = try json.string("sha256")
        guard size >= 0 else { throw JSONError(place: "size of \(path.prefix(200))", got: "\(size)", wanted: "0 or more") }
        guard HexText.isSHA256(sha256) else {
            throw JSONError(
                place: "sha256 of \(path.prefix(200))", got: "'\(sha256.prefix(80))'", wanted: "64 lowercase hexadecimal digits")
        }
    }

    var json: JSON { ["path": .string(path), "size": .int(size), "sha256": .string(sha256)] }
}
