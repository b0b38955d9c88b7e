/// Reads GGUF's little-endian primitives in sequence; every step is checked against the end of the file.
struct GGUFCursor {
    private let file: OpenFile
    private(set) var position = 0
    /// Bytes of the file from `windowStart` on.
    private var window: [UInt8] = []
    private var windowStart = 0

    init(_ file: OpenFile) { self.file = file }

    var path: String { file.path }

    static let maximumNameBytes = 65_535
    static let maximumNesting = 4

    var remaining: Int { file.count - position }

    /// Hands over the next `count` bytes of the file, which has them.
    private mutating func next<T>(
        _ count: Int, _ body: (UnsafeRawBufferPointer) -> T
    ) throws(CheckpointError) -> T {
        if position + count > windowStart + window.count {
            // Most of what there is to read is short: many pieces for one call.
            window = try file.bytes(position..<position + min(max(count, Self.windowBytes), remaining))
            windowStart = position
        }
        let start = position - windowStart
        position += count
        return window.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
    }

    private static let windowBytes = 1 << 20

    mutating func number<T: FixedWidthInteger>(_ what: String, as type: T.Type = T.self) throws(CheckpointError) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw cutShort(what, size) }
        return try next(size) { T(littleEndian: $0.loadUnaligned(as: T.self)) }
    }

    /// A u64 count of things of which each takes at least `minimumBytes` of what is left.
    mutating func count(_ what: String, minimumBytes: Int) throws(CheckpointError) -> Int {
        let declared: UInt64 = try number(what)
        guard declared <= UInt64(remaining / minimumBytes) else {
            throw .malformed(
                file: path, what: what, got: "\(declared)",
                wanted: "at most \(remaining / minimumBytes), as many as the remaining \(remaining) bytes can hold")
        }
        return Int(declared)
    }

    mutating func string(_ what: String, maximumBytes: Int = .max) throws(CheckpointError) -> String {
        let length = try count("length of \(what)", minimumBytes: 1)
        guard length <= maximumBytes else {
            throw .malformed(file: path, what: "length of \(what)", got: "\(length) bytes", wanted: "at most \(maximumBytes)")
        }
        guard let text = try next(length, { String(validating: $0, as: UTF8.self) }) else {
            throw .malformed(file: path, what: what, got: "bytes that are no UTF-8", wanted: "UTF-8 text")
        }
        return text
    }

    mutating func valueType(_ what: String) throws(CheckpointError) -> GGUFValueType {
        let number: UInt32 = try number("type of \(what)")
        guard let type = GGUFValueType(rawValue: number) else {
            throw .malformed(file: path, what: "type of \(what)", got: "\(number)", wanted: "a value type from 0 to 12")
        }
        return type
    }

    mutating func value(_ type: GGUFValueType, _ what: String, nesting: Int = 0) throws(CheckpointError) -> GGUFValue {
        switch type {
        case .uint64:
            let value: UInt64 = try number(what)
            return value <= UInt64(Int64.max) ? .int(Int64(value)) : .uint(value)
        case .float32, .float64: return .double(try double(type, what))
        case .bool: return .bool(try bool(what))
        case .string: return .string(try string(what))
        case .array: return try array(what, nesting: nesting)
        default: return .int(try integer(type, what))
        }
    }

    private mutating func integer(_ type: GGUFValueType, _ what: String) throws(CheckpointError) -> Int64 {
        switch type {
        case .uint8: return Int64(try number(what, as: UInt8.self))
        case .int8: return Int64(try number(what, as: Int8.self))
        case .uint16: return Int64(try number(what, as: UInt16.self))
        case .int16: return Int64(try number(what, as: Int16.self))
        case .uint32: return Int64(try number(what, as: UInt32.self))
        case .int32: return Int64(try number(what, as: Int32.self))
        case .uint64:
            let value: UInt64 = try number(what)
            guard let signed = Int64(exactly: value) else {
                throw .malformed(file: path, what: what, got: "\(value)", wanted: "at most \(Int64.max)")
            }
            return signed
        default: return try number(what, as: Int64.self)
        }
    }

    private mutating func double(_ type: GGUFValueType, _ what: String) throws(CheckpointError) -> Double {
        type == .float32
            ? Double(Float(bitPattern: try number(what, as: UInt32.self))) : Double(bitPattern: try number(what, as: UInt64.self))
    }

    private mutating func bool(_ what: String) throws(CheckpointError) -> Bool {
        let byte: UInt8 = try number(what)
        guard byte <= 1 else { throw .malformed(file: path, what: what, got: "\(byte)", wanted: "a boolean, 0 or 1") }
        return byte == 1
    }

    private mutating func array(_ what: String, nesting: Int) throws(CheckpointError) -> GGUFValue {
        guard nesting < GGUFCursor.maximumNesting else {
            throw .malformed(
                file: path, what: what, got: "arrays nested more than \(GGUFCursor.maximumNesting) deep",
                wanted: "at most \(GGUFCursor.maximumNesting)")
        }
        let type = try valueType("elements of \(what)")
        let count = try count("length of \(what)", minimumBytes: type.minimumBytes)
        switch type {
        case .string: return .strings(try elements(count) { (cursor) throws(CheckpointError) in try cursor.string(what) })
        case .bool: return .bools(try elements(count) { (cursor) throws(CheckpointError) in try cursor.bool(what) })
        case .float32, .float64:
            return .doubles(try elements(count) { (cursor) throws(CheckpointError) in try cursor.double(type, what) })
        case .array:
            return .arrays(
                try elements(count) { (cursor) throws(CheckpointError) in try cursor.array(what, nesting: nesting + 1) })
        default: return .ints(try elements(count) { (cursor) throws(CheckpointError) in try cursor.integer(type, what) })
        }
    }

    private mutating func elements<T>(
        _ count: Int, _ read: (inout GGUFCursor) throws(CheckpointError) -> T
    ) throws(CheckpointError) -> [T] {
        var values: [T] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try read(&self)) }
        return values
    }

    private func cutShort(_ what: String, _ size: Int) -> CheckpointError {
        .malformed(
            file: path, what: what, got: "the end of the file at byte \(file.count)", wanted: "\(size) more bytes from byte \(position)")
    }
}
