import JSONText

/// A pack's table of contents: its files, and the zstd frames of the body that hold each.
///
/// ```json
/// {"files":[{"path":"adapter_model.safetensors","size":2896120,"sha256":"…",
///            "frames":[{"size":24880,"offset":512,"stored":1900},{"tensor":"….lora_A.weight","size":9216,"offset":2412,"stored":8011}]}]}
/// ```
///
/// Files are sorted by path. A file is its frames' contents one after the other; frames lie in the body in the same order, without holes.
/// The text is canonical: members in this order, no white space, so equal contents have equal manifests.
package struct PackManifest: Sendable, Equatable {
    package struct Frame: Sendable, Equatable {
        /// The tensor whose bytes it holds; nil for everything between tensors, and in files of other kinds.
        package let tensor: String?
        /// Bytes it holds.
        package let size: Int
        /// Where it lies in the body, and its bytes there.
        package let offset: Int
        package let stored: Int
    }

    package struct File: Sendable, Equatable {
        package let content: StoredFile
        package let frames: [Frame]
    }

    package let files: [File]

    package var bytes: Int { files.reduce(0) { $0 + $1.content.size } }
    /// `sha256:` and 64 digits: the identity of the files, as in the store.
    package var digest: String { files.map(\.content).contentDigest }

    init(files: [File]) { self.files = files }

    /// - Parameters:
    ///   - bodyBytes: what the frames must fill exactly.
    ///   - file: the pack, for errors.
    /// - Throws: `.malformed`, `.badPath` or `.overLimit`.
    init(_ text: [UInt8], bodyBytes: Int, limits: PackLimits, file: String) throws(AdapterStorageError) {
        do throws(JSONError) {
            var rules = JSON.Rules(maximumBytes: limits.manifestBytes, maximumDepth: 8, refusesDuplicateKeys: true)
            rules.acceptsNonFinite = false
            files = try JSON(parsing: text, rules: rules).array("files").map(File.init)
        } catch {
            throw .malformed(file: file, what: "manifest, \(error.fullPlace)", got: error.got, wanted: error.wanted)
        }
        guard files.count <= limits.files else {
            throw .overLimit(file: file, what: "the number of files", got: files.count, limit: limits.files)
        }
        try RelativePath.check(files.map(\.content.path), in: file)
        try checkSizes(bodyBytes: bodyBytes, limits: limits, file: file)
        guard text == json else {
            throw .malformed(
                file: file, what: "manifest", got: "other members, order or spacing than this version writes",
                wanted: "its canonical form: files sorted by path")
        }
    }

    private func checkSizes(bodyBytes: Int, limits: PackLimits, file: String) throws(AdapterStorageError) {
        guard !files.isEmpty else { throw .malformed(file: file, what: "files", got: "none", wanted: "at least one") }
        var total = 0
        var end = 0
        for (content, frames) in files.map({ ($0.content, $0.frames) }) {
            // Each size is compared with what is left, so no sum overflows.
            guard content.size <= limits.totalBytes - total else {
                throw .overLimit(
                    file: file, what: "the size of its files, up to \(content.path)",
                    got: total.addingReportingOverflow(content.size).partialValue,
                    limit: limits.totalBytes)
            }
            total += content.size
            var filled = 0
            for frame in frames {
                guard frame.size > 0, frame.size <= content.size - filled else {
                    throw .malformed(
                        file: file, what: "a frame of \(content.path)", got: "\(frame.size) bytes after \(filled)",
                        wanted: "at least 1, and \(content.size) in all")
                }
                filled += frame.size
                guard frame.offset == end, frame.stored > 0, frame.stored <= bodyBytes - end else {
                    throw .malformed(
                        file: file, what: "a frame of \(content.path)", got: "\(frame.stored) bytes at \(frame.offset) of the body",
                        wanted: "at least 1 byte at \(end), where the frame before ends, and none beyond \(bodyBytes)")
                }
                end += frame.stored
            }
            guard filled == content.size else {
                throw .malformed(
                    file: file, what: "the frames of \(content.path)", got: "\(filled) bytes", wanted: "\(content.size), the file's size")
            }
        }
        guard end == bodyBytes else {
            throw .malformed(file: file, what: "body", got: "\(bodyBytes) bytes", wanted: "\(end), as many as its frames have")
        }
        let (scaled, overflows) = bodyBytes.multipliedReportingOverflow(by: limits.ratio)
        let allowed = overflows ? Int.max : scaled.addingReportingOverflow(limits.freeBytes).overflow ? .max : scaled + limits.freeBytes
        guard total <= allowed else {
            throw .overLimit(file: file, what: "the size of its files beside \(bodyBytes) compressed bytes", got: total, limit: allowed)
        }
    }

    /// The canonical text.
    var json: [UInt8] {
        let sorted = files.sorted { $0.content.path < $1.content.path }
        return JSONWriter.bytes(["files": .array(sorted.map(\.json))])
    }
}

extension PackManifest.File {
    fileprivate init(_ json: JSON) throws(JSONError) {
        content = try StoredFile(json)
        frames = try json.array("frames").map { (frame) throws(JSONError) in
            PackManifest.Frame(
                tensor: try frame.optionalString("tensor"), size: try frame.int("size"), offset: try frame.int("offset"),
                stored: try frame.int("stored"))
        }
    }

    fileprivate var json: JSON {
        var members = content.json.object ?? [:]
        members["frames"] = .array(
            frames.map { frame in
                var members = JSONObject()
                if let tensor = frame.tensor { members["tensor"] = .string(tensor) }
                members["size"] = .int(frame.size)
                members["offset"] = .int(frame.offset)
                members["stored"] = .int(frame.stored)
                return .object(members)
            })
        return .object(members)
    }
}
