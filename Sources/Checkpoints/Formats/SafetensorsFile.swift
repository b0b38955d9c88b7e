import JSONText

/// One `.safetensors` file: a u64 header length, a JSON header, then the tensors' bytes without holes.
///
/// Format: https://huggingface.co/docs/safetensors (header at most 100 MB, offsets relative to the end of the header).
package final class SafetensorsFile: TensorSource {
    package let path: String
    /// The header's `__metadata__`: free text, for example `["format": "pt"]`.
    package let metadata: [String: String]
    private let table: TensorTable

    static let maximumHeaderBytes = 100_000_000

    /// Opens the file and validates the whole header against its size; no tensor byte is read.
    /// - Throws: `CheckpointError.cannotRead` or `.malformed`.
    package convenience init(path: String) throws(CheckpointError) {
        try self.init(OpenFile(path: path))
    }

    /// As `init(path:)`, over a file already open.
    package init(_ file: OpenFile) throws(CheckpointError) {
        path = file.path
        let header = try SafetensorsHeader(file)
        metadata = header.metadata
        table = try TensorTable(file: file, infos: header.infos, data: header.data)
        let stored = header.infos.values.reduce(0) { $0 + $1.byteRange.count }
        // No overlaps and the full sum together mean no holes, which the format forbids: bytes could hide in them.
        guard stored == header.data.count else {
            throw .malformed(
                file: path, what: "data section", got: "\(header.data.count) bytes for \(stored) bytes of tensors",
                wanted: "exactly the tensors' bytes; the file may be cut short or have bytes appended")
        }
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

/// The parsed and checked header of a safetensors file.
struct SafetensorsHeader {
    let metadata: [String: String]
    let infos: [String: TensorInfo]
    /// The part of the file behind the header.
    let data: Range<Int>

    init(_ file: OpenFile) throws(CheckpointError) {
        guard file.count >= 8 else {
            throw .malformed(file: file.path, what: "size", got: "\(file.count) bytes", wanted: "at least the 8 bytes of the header length")
        }
        let declared = UInt64(littleEndian: try file.bytes(0..<8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
        guard declared <= UInt64(min(file.count - 8, SafetensorsFile.maximumHeaderBytes)) else {
            throw .malformed(
                file: file.path, what: "header length", got: "\(declared) bytes",
                wanted: "at most the \(file.count - 8) bytes that follow it and at most \(SafetensorsFile.maximumHeaderBytes)")
        }
        let end = 8 + Int(declared)
        data = end..<file.count
        let text = try file.bytes(8..<end)
        let json: JSON
        do throws(JSONError) {
            let rules = JSON.Rules(
                maximumBytes: SafetensorsFile.maximumHeaderBytes, maximumDepth: 8, refusesDuplicateKeys: true)
            json = try JSON(parsing: text, rules: rules)
        } catch {
            throw error.inFile("\(file.path) (header)")
        }
        guard case .object(var members) = json else {
            throw .malformed(file: file.path, what: "header", got: json.kind, wanted: "a JSON object")
        }
        metadata = try SafetensorsHeader.metadata(members.removeValue(forKey: "__metadata__"), file.path)
        var infos: [String: TensorInfo] = [:]
        infos.reserveCapacity(members.count)
        for (name, member) in members {
            infos[name] = try SafetensorsHeader.info(name, member, data, file.path)
        }
        self.infos = infos
    }

    private static func metadata(_ json: JSON?, _ path: String) throws(CheckpointError) -> [String: String] {
        guard let json, !json.isNull else { return [:] }
        guard let members = json.object else {
            throw .malformed(file: path, what: "__metadata__", got: json.kind, wanted: "an object of strings")
        }
        var texts: [String: String] = [:]
        for (key, value) in members {
            guard let text = value.string else {
                throw .malformed(file: path, what: "__metadata__.\(key)", got: value.kind, wanted: "a string")
            }
            texts[key] = text
        }
        return texts
    }

    private static func info(_ name: String, _ json: JSON, _ data: Range<Int>, _ path: String) throws(CheckpointError) -> TensorInfo {
        do throws(JSONError) {
            let typeName = try json.string("dtype")
            guard let type = ElementType(rawValue: typeName), type.isSafetensorsType else {
                throw JSONError(place: "dtype", got: typeName, wanted: "a safetensors type such as F32, F16 or BF16")
            }
            let shape = try naturalNumbers(json.array("shape"), "shape")
            let offsets = try naturalNumbers(json.array("data_offsets"), "data_offsets")
            guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= data.count else {
                throw JSONError(place: "data_offsets", got: "\(offsets)", wanted: "[begin, end], begin <= end <= \(data.count)")
            }
            guard let size = TensorInfo.byteCount(type: type, shape: shape) else {
                throw JSONError(place: "shape", got: "\(shape)", wanted: "a number of \(typeName) elements that fits in memory")
            }
            guard size == offsets[1] - offsets[0] else {
                throw JSONError(
                    place: "data_offsets", got: "\(offsets[1] - offsets[0]) bytes", wanted: "\(size) bytes for \(typeName) \(shape)")
            }
            let start = data.lowerBound
            return TensorInfo(name: name, type: type, shape: shape, byteRange: start + offsets[0]..<start + offsets[1])
        } catch {
            throw .malformed(file: path, what: "tensor \(name), \(error.place)", got: error.got, wanted: error.wanted)
        }
    }

    private static func naturalNumbers(_ elements: [JSON], _ key: String) throws(JSONError) -> [Int] {
        var numbers: [Int] = []
        for element in elements {
            guard case .int(let value) = element, value >= 0, let number = Int(exactly: value) else {
                throw JSONError(place: key, got: element.kind, wanted: "whole numbers that are not negative")
            }
            numbers.append(number)
        }
        guard numbers.count <= 16 else { throw JSONError(place: key, got: "\(numbers.count) numbers", wanted: "at most 16") }
        return numbers
    }
}

extension ElementType {
    /// Whether safetensors knows this type (block types are GGUF's own).
    fileprivate var isSafetensorsType: Bool {
        switch self {
        case .f64, .f32, .f16, .bf16, .i64, .i32, .i16, .i8, .u64, .u32, .u16, .u8, .bool, .c64: true
        case .f8E4M3, .f8E5M2, .f8E8M0, .f6E2M3, .f6E3M2, .f4: true
        default: false
        }
    }
}
