/// Reads one JSON document (RFC 8259) and says where and why when it is none.
///
/// Request bodies come from strangers: depth is limited, every read is checked, and Python's `NaN` and `Infinity`, which are no JSON,
/// are refused by name.
struct JSONParser {
    static let maximumDepth = 64

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0
    /// Keys of the objects around `position`, for messages.
    private var keys: [String] = []

    private init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        var parser = JSONParser(bytes)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.unexpected("the end of the document") }
        return value
    }

    private mutating func value() throws(JSONSyntaxError) -> JSONValue {
        skipSpace()
        guard let byte = current else { throw unexpected("a value") }
        switch byte {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "N"), UInt8(ascii: "I"):
            throw error("NaN and Infinity are not JSON; send a finite number or leave the field out")
        default: throw unexpected("a value")
        }
    }

    private mutating func object() throws(JSONSyntaxError) -> JSONValue {
        try enter()
        var object = JSONObject()
        skipSpace()
        if !take("}") {
            repeat {
                skipSpace()
                guard current == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
                let key = try string()
                skipSpace()
                guard take(":") else { throw unexpected("':' after the key \"\(key.prefix(40))\"") }
                keys.append(key)
                object.append(key, try value())
                keys.removeLast()
                skipSpace()
            } while take(",")
            guard take("}") else { throw unexpected("',' or '}'") }
        }
        depth -= 1
        return .object(object)
    }

    private mutating func array() throws(JSONSyntaxError) -> JSONValue {
        try enter()
        var elements: [JSONValue] = []
        skipSpace()
        if !take("]") {
            repeat {
                elements.append(try value())
                skipSpace()
            } while take(",")
            guard take("]") else { throw unexpected("',' or ']'") }
        }
        depth -= 1
        return .array(elements)
    }

    private mutating func enter() throws(JSONSyntaxError) {
        depth += 1
        guard depth <= Self.maximumDepth else { throw error("more than \(Self.maximumDepth) levels of nesting") }
        position += 1
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let length = text.utf8CodeUnitCount
        let matches = text.withUTF8Buffer { word in
            position + length <= bytes.count && bytes[position..<(position + length)].elementsEqual(word)
        }
        guard matches else { throw unexpected("a value") }
        position += length
        return value
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = position
        let negative = take("-")
        if current == UInt8(ascii: "I") {
            throw error("NaN and Infinity are not JSON; send a finite number or leave the field out")
        }
        let firstDigit = position
        var magnitude: Int64 = 0
        var isInteger = true
        while let byte = current, byte &- 0x30 < 10 {
            let (scaled, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(Int64(byte &- 0x30))
            if overflow || carry { isInteger = false }
            magnitude = sum
            position += 1
        }
        guard position > firstDigit else { throw unexpected("a digit") }
        if bytes[firstDigit] == 0x30, position > firstDigit + 1 { throw error("a number may not start with 0") }
        if take(".") {
            isInteger = false
            try digits()
        }
        if let byte = current, byte | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if !take("+") { _ = take("-") }
            try digits()
        }
        if isInteger { return .int(negative ? -magnitude : magnitude) }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw error("the number \(text.prefix(40)) is too large") }
        return .double(value)
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = position
        while let byte = current, byte &- 0x30 < 10 { position += 1 }
        guard position > start else { throw unexpected("a digit") }
    }

    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }
}

// MARK: - Strings

extension JSONParser {
    private mutating func string() throws(JSONSyntaxError) -> String {
        position += 1
        var start = position
        var unescaped: [UInt8]?
        while let byte = current {
            if byte == UInt8(ascii: "\"") {
                let tail = bytes[start..<position]
                let text: String? =
                    if let unescaped { String(validating: unescaped + tail, as: UTF8.self) } else {
                        String(validating: tail, as: UTF8.self)
                    }
                guard let text else { throw error("a string is not valid UTF-8") }
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") {
                var text = unescaped ?? []
                text.append(contentsOf: bytes[start..<position])
                position += 1
                try escape(into: &text)
                unescaped = text
                start = position
            } else if byte < 0x20 {
                throw error("a control character in a string must be escaped")
            } else {
                position += 1
            }
        }
        throw unexpected("'\"' at the end of a string")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONSyntaxError) {
        guard let letter = current else { throw unexpected("an escape") }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexQuad()
            if code >> 10 == 0x36, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                let afterFirst = position
                position += 2
                let low = try hexQuad()
                if low >> 10 == 0x37 {
                    code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
                } else {
                    position = afterFirst
                }
            }
            // Clients that cut a string in the middle of an emoji send half a surrogate pair; it becomes the replacement character.
            text.append(contentsOf: String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
        default:
            position -= 1
            throw unexpected("one of \" \\ / b f n r t u after a backslash")
        }
    }

    private mutating func hexQuad() throws(JSONSyntaxError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw unexpected("four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private func unexpected(_ wanted: String) -> JSONSyntaxError {
        let got: String =
            switch current {
            case nil: "the document ends"
            case let byte? where byte >= 0x20 && byte < 0x7F: "there is '\(Character(Unicode.Scalar(byte)))'"
            case let byte?: "there is byte 0x" + String(byte, radix: 16)
            }
        return error("\(got) where \(wanted) should be")
    }

    private func error(_ reason: String) -> JSONSyntaxError {
        var line = 1
        var column = 1
        for byte in bytes.prefix(position) {
            if byte == 0x0A { (line, column) = (line + 1, 1) } else { column += 1 }
        }
        return JSONSyntaxError(line: line, column: column, field: keys.isEmpty ? nil : keys.joined(separator: "."), reason: reason)
    }
}

/// Why a text is not JSON, and where it stops being so.
package struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    package let line: Int
    package let column: Int
    /// The member whose value was being read.
    package let field: String?
    package let reason: String

    package var description: String { "line \(line) column \(column)\(field.map { " in \($0.prefix(80))" } ?? ""): \(reason)" }
}

extension JSONValue {
    package init(parsing text: String) throws(JSONSyntaxError) {
        try self.init(parsing: Array(text.utf8))
    }

    package init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
        let result = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(JSONSyntaxError) in try JSONParser.parse(buffer) }
        }
        self = try result.get()
    }
}
