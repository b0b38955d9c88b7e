import Foundation

extension Value {
    /// Parses JSON text, keeping the order of members, which a template's `tojson` shows.
    /// - Throws: `JinjaError.json` naming the byte offset.
    package init(parsingJSON data: Data) throws(JinjaError) {
        self = try [UInt8](data).parseJSONDocument()
    }

    /// Parses JSON text, keeping the order of members.
    package init(parsingJSON text: String) throws(JinjaError) {
        self = try Array(text.utf8).parseJSONDocument()
    }

    /// Converts what `JSONSerialization` returns. Members come in the order of their names, because the order of the text is lost there;
    /// prefer `init(parsingJSON:)`.
    package init(json: Any) {
        switch json {
        case let text as String: self = .string(text)
        case let number as NSNumber:
            if isBoolean(number) {
                self = .bool(number.boolValue)
            } else if let whole = Int(exactly: number) {
                self = number.isStoredAsDouble ? .double(number.doubleValue) : .int(whole)
            } else {
                self = .double(number.doubleValue)
            }
        case let list as [Any]: self = .array(list.map(Value.init(json:)))
        case let members as [String: Any]:
            self = .object(OrderedObject(members.sorted { $0.key < $1.key }.map { ($0.key, Value(json: $0.value)) }))
        default: self = .none
        }
    }
}

private func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

extension NSNumber {
    fileprivate var isStoredAsDouble: Bool { ["d", "f"].contains(String(cString: objCType)) }
}

extension [UInt8] {
    fileprivate func parseJSONDocument() throws(JinjaError) -> Value {
        var reader = JSONReader(bytes: self)
        return try reader.document()
    }
}

/// A strict, depth-limited JSON reader.
private struct JSONReader {
    let bytes: [UInt8]
    var position = 0
    static let maximumDepth = 128

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JinjaError) -> Value {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fail("text after the end of the value") }
        return value
    }

    private func fail(_ message: String) -> JinjaError { .json("\(message), at byte \(position)") }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    private mutating func consume(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func word(_ text: StaticString, _ value: Value) throws(JinjaError) -> Value {
        let length = text.utf8CodeUnitCount
        guard position + length <= bytes.count,
            (0..<length).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
        else { throw fail("unexpected character") }
        position += length
        return value
    }

    private mutating func value(depth: Int) throws(JinjaError) -> Value {
        guard depth < Self.maximumDepth else { throw fail("nested deeper than \(Self.maximumDepth) levels") }
        skipSpace()
        guard position < bytes.count else { throw fail("unexpected end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .none)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JinjaError) -> Value {
        position += 1
        var members = OrderedObject()
        skipSpace()
        if consume(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw fail("a member's name was expected") }
            let name = try string()
            skipSpace()
            guard consume(UInt8(ascii: ":")) else { throw fail("':' was expected") }
            members[name] = try value(depth: depth + 1)
            skipSpace()
        } while consume(UInt8(ascii: ","))
        guard consume(UInt8(ascii: "}")) else { throw fail("'}' was expected") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JinjaError) -> Value {
        position += 1
        var items: [Value] = []
        skipSpace()
        if consume(UInt8(ascii: "]")) { return .array(items) }
        repeat {
            items.append(try value(depth: depth + 1))
            skipSpace()
        } while consume(UInt8(ascii: ","))
        guard consume(UInt8(ascii: "]")) else { throw fail("']' was expected") }
        return .array(items)
    }

    private mutating func number() throws(JinjaError) -> Value {
        let start = position
        var isWhole = true
        _ = consume(UInt8(ascii: "-"))
        let digits = position
        skipDigits()
        guard position > digits, position - digits == 1 || bytes[digits] != UInt8(ascii: "0") else { throw fail("unexpected character") }
        if consume(UInt8(ascii: ".")) {
            isWhole = false
            let fraction = position
            skipDigits()
            guard position > fraction else { throw fail("digits were expected after '.'") }
        }
        if consume(UInt8(ascii: "e")) || consume(UInt8(ascii: "E")) {
            isWhole = false
            if !consume(UInt8(ascii: "+")) { _ = consume(UInt8(ascii: "-")) }
            let exponent = position
            skipDigits()
            guard position > exponent else { throw fail("digits were expected in the exponent") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let whole = Int(text) { return .int(whole) }
        guard let number = Double(text) else { throw fail("not a number") }
        return .double(number)
    }

    private mutating func skipDigits() {
        while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 { position += 1 }
    }

    private mutating func string() throws(JinjaError) -> String {
        position += 1
        var out: [UInt8] = []
        while true {
            guard position < bytes.count else { throw fail("the string has no end") }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else { throw fail("the string is not UTF-8") }
                return text
            case UInt8(ascii: "\\"): try escape(into: &out)
            case 0..<0x20: throw fail("a control character in a string")
            default: out.append(byte)
            }
        }
    }

    private mutating func escape(into out: inout [UInt8]) throws(JinjaError) {
        guard position < bytes.count else { throw fail("the string has no end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "u"):
            var code = try hexQuad()
            if (0xD800..<0xDC00).contains(code), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                let resume = position
                position += 2
                let low = try hexQuad()
                if (0xDC00..<0xE000).contains(low) {
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    position = resume
                }
            }
            // A lone surrogate has no UTF-8 form.
            out.append(contentsOf: Array(String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8))
        default: throw fail("unknown escape")
        }
    }

    private mutating func hexQuad() throws(JinjaError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw fail("four hexadecimal digits were expected") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Unicode.Scalar(bytes[position]).properties.isASCIIHexDigit ? hexValue(bytes[position]) : nil else {
                throw fail("four hexadecimal digits were expected")
            }
            code = code << 4 | digit
            position += 1
        }
        return code
    }

    private func hexValue(_ byte: UInt8) -> UInt32 {
        byte < 0x3A ? UInt32(byte) - 0x30 : UInt32(byte | 0x20) - 0x61 + 10
    }
}
