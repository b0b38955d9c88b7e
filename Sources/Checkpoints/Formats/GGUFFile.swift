/// One GGUF file (version 2 or 3, little-endian): metadata, tensor infos, aligned tensor data.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
package final class GGUFFile: TensorSource {
    package let path: String
    /// All key-values, for example `["general.architecture": .string("llama")]`.
    package let metadata: [String: GGUFValue]
    /// Where the key-values lie in the file, whose magic, version and two counts come before.
    package let metadataRange: Range<Int>
    private let table: TensorTable

    /// ggml's own limit.
    static let maximumDimensions = 4

    /// Opens the file and validates metadata and tensor infos against its size; no tensor byte is read.
    /// - Throws: `CheckpointError`; big-endian, version 1 and split files are refused by name.
    package convenience init(path: String) throws(CheckpointError) {
        try self.init(OpenFile(path: path))
    }

    /// As `init(path:)`, over a file already open.
    package init(_ file: OpenFile) throws(CheckpointError) {
        path = file.path
        var cursor = GGUFCursor(file)
        try GGUFFile.checkMagic(&cursor)
        let tensorCount: UInt64 = try cursor.number("tensor count")
        // A key-value takes at least a name's length, a type and one byte.
        let keyCount = try cursor.count("key-value count", minimumBytes: 13)
        let metadataStart = cursor.position
        metadata = try GGUFFile.readMetadata(&cursor, count: keyCount)
        metadataRange = metadataStart..<cursor.position
        if let splits = metadata["split.count"]?.intValue, splits > 1 {
            throw .unsupported(file: path, what: "a GGUF split into \(splits) files", advice: "merge it first (llama-gguf-split --merge)")
        }
        let alignment = try GGUFFile.alignment(metadata, path)
        // Each info takes at least a name's length, a dimension count, a type and an offset.
        guard tensorCount <= UInt64(cursor.remaining / 24) else {
            throw .malformed(
                file: path, what: "tensor count", got: "\(tensorCount)",
                wanted: "at most \(cursor.remaining / 24), as many as the remaining \(cursor.remaining) bytes can hold")
        }
        let raw = try GGUFFile.readInfos(&cursor, count: Int(tensorCount), alignment: alignment)
        let (padded, overflow) = cursor.position.addingReportingOverflow(alignment - 1)
        let dataStart = overflow ? file.count : min(padded / alignment * alignment, file.count)
        table = try TensorTable(
            file: file, infos: try GGUFFile.placed(raw, from: dataStart, file: file), data: dataStart..<file.count)
    }

    package var tensorNames: [String] { table.names }
    package func info(_ name: String) -> TensorInfo? { table.infos[name] }

    package func expand(_ name: String, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws(CheckpointError) {
        guard let info = table.infos[name] else { throw missing(name) }
        try table.expand(info, rows: rows, into: destination)
    }

    package func stored(_ name: String, rows: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError) {
        guard let info = table.infos[name] else { throw missing(name) }
        try table.stored(info, rows: rows, into: destination)
    }

    package var files: [OpenFile] { [table.file] }
}

/// The steps of reading a header, in file order.
extension GGUFFile {
    private static func checkMagic(_ cursor: inout GGUFCursor) throws(CheckpointError) {
        let magic: UInt32 = try cursor.number("magic")
        guard magic == 0x4655_4747 else {
            throw .malformed(
                file: cursor.path, what: "magic", got: "0x" + String(magic.byteSwapped, radix: 16),
                wanted: "the four letters GGUF")
        }
        let version: UInt32 = try cursor.number("version")
        if version == 2 || version == 3 { return }
        guard version & 0xFFFF != 0 else {
            throw .unsupported(file: cursor.path, what: "a big-endian GGUF", advice: "convert it to little-endian")
        }
        throw .unsupported(file: cursor.path, what: "GGUF version \(version)", advice: "use a file of version 3 (or 2)")
    }

    private static func readMetadata(_ cursor: inout GGUFCursor, count: Int) throws(CheckpointError) -> [String: GGUFValue] {
        var metadata: [String: GGUFValue] = [:]
        metadata.reserveCapacity(min(count, 4096))
        for index in 0..<count {
            let key = try cursor.string("key \(index)", maximumBytes: GGUFCursor.maximumNameBytes)
            let type = try cursor.valueType("key \(key)")
            let value = try cursor.value(type, "key \(key)")
            guard metadata.updateValue(value, forKey: key) == nil else {
                throw .malformed(file: cursor.path, what: "key \(key)", got: "it twice", wanted: "each key once")
            }
        }
        return metadata
    }

    private static func alignment(_ metadata: [String: GGUFValue], _ path: String) throws(CheckpointError) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard let alignment = value.intValue, alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw .malformed(
                file: path, what: "general.alignment", got: value.kind, wanted: "a power of two up to \(1 << 20)")
        }
        return alignment
    }

    private struct RawInfo {
        var type: ElementType
        var shape: [Int]
        var offset: Int
        var size: Int
    }

    private static func readInfos(
        _ cursor: inout GGUFCursor, count: Int, alignment: Int
    ) throws(CheckpointError) -> [String: RawInfo] {
        var infos: [String: RawInfo] = [:]
        infos.reserveCapacity(min(count, 65_536))
        for index in 0..<count {
            let name = try cursor.string("name of tensor \(index)", maximumBytes: GGUFCursor.maximumNameBytes)
            let info = try readInfo(&cursor, name, alignment: alignment)
            guard infos.updateValue(info, forKey: name) == nil else {
                throw .malformed(file: cursor.path, what: "tensor \(name)", got: "it twice", wanted: "each name once")
            }
        }
        return infos
    }

    private static func readInfo(
        _ cursor: inout GGUFCursor, _ name: String, alignment: Int
    ) throws(CheckpointError) -> RawInfo {
        let what = "tensor \(name)"
        let dimensions: UInt32 = try cursor.number(what)
        guard dimensions <= maximumDimensions else {
            throw .malformed(file: cursor.path, what: what, got: "\(dimensions) dimensions", wanted: "at most \(maximumDimensions)")
        }
        var shape: [Int] = []
        for _ in 0..<dimensions {
            let dimension: UInt64 = try cursor.number(what)
            guard let size = Int(exactly: dimension) else {
                throw .malformed(file: cursor.path, what: what, got: "a dimension of \(dimension)", wanted: "one that fits in memory")
            }
            shape.insert(size, at: 0)
        }
        let typeNumber: UInt32 = try cursor.number(what)
        guard let type = ElementType(ggufNumber: typeNumber) else {
            throw .unsupportedType(
                file: cursor.path, tensor: name, got: "GGUF type number \(typeNumber)", wanted: ElementType.expandableNames)
        }
        guard let size = TensorInfo.byteCount(type: type, shape: shape) else {
            throw .malformed(
                file: cursor.path, what: what, got: "shape \(shape)",
                wanted: "one that fits in memory and whose last dimension is a multiple of \(type.rawValue)'s block, \(type.block.elements)"
            )
        }
        let declared: UInt64 = try cursor.number(what)
        guard let offset = Int(exactly: declared), offset % alignment == 0 else {
            throw .malformed(file: cursor.path, what: what, got: "offset \(declared)", wanted: "a multiple of the alignment, \(alignment)")
        }
        return RawInfo(type: type, shape: shape, offset: offset, size: size)
    }

    /// Turns offsets into byte ranges of the file, checking each against its end.
    private static func placed(
        _ raw: [String: RawInfo], from dataStart: Int, file: OpenFile
    ) throws(CheckpointError) -> [String: TensorInfo] {
        var infos: [String: TensorInfo] = [:]
        infos.reserveCapacity(raw.count)
        for (name, info) in raw {
            let available = file.count - dataStart
            guard info.offset <= available, info.size <= available - info.offset else {
                throw .malformed(
                    file: file.path, what: "tensor \(name)", got: "\(info.size) bytes at offset \(info.offset)",
                    wanted: "them inside the \(available) bytes of tensor data; the file may be cut short")
            }
            let start = dataStart + info.offset
            infos[name] = TensorInfo(name: name, type: info.type, shape: info.shape, byteRange: start..<start + info.size)
        }
        return infos
    }
}

/// The order in which GGUF files of `llama` store the rows of Q and K: each head's two halves interleaved, for rotary pairs of neighbours.
/// Source: llama.cpp's conversion (`permute`).
package enum GGUFRowOrder {
    /// Where row `row` of a projection lies, for heads of `headRows` rows: row `half * headRows / 2 + i` of a head at `2i + half`.
    package static func stored(_ row: Int, headRows: Int) -> Int {
        let (head, inHead) = row.quotientAndRemainder(dividingBy: headRows)
        let (half, pair) = inHead.quotientAndRemainder(dividingBy: headRows / 2)
        return head * headRows + 2 * pair + half
    }
}
