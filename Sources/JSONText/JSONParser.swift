/// A recursive-descent JSON parser over raw bytes. Every read is checked against `count`.
///
/// It exists because a 10 MB `tokenizer.json` must parse in a fraction of a second, and because hostile files must be refused
/// with a place and a reason: depth, size and UTF-8 are all limited or checked here.
struct JSONParser {
    private let base: UnsafePointer<UInt8>
    private let count: Int
    private let rules: JSON.Rules
    private var position = 0
    private var depth = 0

    init(_ bytes: UnsafeRawBufferPointer, rules: JSON.Rules) {
        // An empty buffer may have no address; nothing is read through `base` then because `count` is 0.
        base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(bitPattern: 1).unsafelyUnwrapped
        count = bytes.count
        self.rules = rules
    }

    mutating func parseDocument() throws(JSONError) -> JSON {
        guard count <= rules.maximumBytes else {
            throw JSONError(place: "document", got: "\(count) bytes", wanted: "at most \(rules.maximumBytes)")
        }
        if count >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { position = 3 }
        let value = try parseValue()
        skipWhiteSpace()
        guard position == count else { throw syntaxError(wanted: "the end of the document") }
        return value
    }

    // MARK: Values

    private mutating func parseValue() throws(JSONError) -> JSON {
        skipWhiteSpace()
        guard position < count else { throw syntaxError(wanted: "a value") }
        switch base[position] {
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in try parser.parseObject() }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in try parser.parseArray() }
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "N"): return try parseNonFinite("NaN", .nan)
        case UInt8(ascii: "I"): return try parseNonFinite("Infinity", .infinity)
        default: return try parseNumber()
        }
    }

    private mutating func nested(_ parse: (inout JSONParser) throws(JSONError) -> JSON) throws(JSONError) -> JSON {
        guard depth < rules.maximumDepth else {
            throw syntaxError(got: "more than \(rules.maximumDepth) levels of nesting", wanted: "at most \(rules.maximumDepth)")
        }
        depth += 1
        let value = try parse(&self)
        depth -= 1
        return value
    }

    private mutating func parseObject() throws(JSONError) -> JSON {
        position += 1
        var members = JSONObject()
        skipWhiteSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipWhiteSpace()
            guard position < count, base[position] == UInt8(ascii: "\"") else { throw syntaxError(wanted: "a key in quotes") }
            let key = try parseString()
            skipWhiteSpace()
            guard take(UInt8(ascii: ":")) else { throw syntaxError(wanted: "':' after the key") }
            let value: JSON
            do throws(JSONError) { value = try parseValue() } catch { throw error.inside(key) }
            if members.updateValue(value, forKey: key) != nil, rules.refusesDuplicateKeys {
                throw syntaxError(got: "the key \"\(key.prefix(60))\" twice", wanted: "each key once")
            }
            skipWhiteSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw syntaxError(wanted: "',' or '}'") }
            return .object(members)
        }
    }

    private mutating func parseArray() throws(JSONError) -> JSON {
        position += 1
        var elements: [JSON] = []
        skipWhiteSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try parseValue())
            skipWhiteSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw syntaxError(wanted: "',' or ']'") }
            return .array(elements)
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        guard takeWord(word) else { throw syntaxError(wanted: "a value") }
        return value
    }

    // MARK: Numbers

    private mutating func parseNonFinite(_ word: StaticString, _ value: Double) throws(JSONError) -> JSON {
        let start = position
        guard takeWord(word) else { throw syntaxError(wanted: "a value") }
        guard rules.acceptsNonFinite else {
            position = start
            throw syntaxError(got: "\(value < 0 ? "-" : "")\(word)", wanted: "a finite number; NaN and Infinity are not JSON")
        }
        return .double(value)
    }

    private mutating func parseNumber() throws(JSONError) -> JSON {
        let start = position
        let negative = take(UInt8(ascii: "-"))
        if negative, position < count, base[position] == UInt8(ascii: "I") { return try parseNonFinite("Infinity", -.infinity) }
        let digits = position
        var magnitude: UInt64 = 0
        var fitsInteger = true
        while position < count, case let digit = base[position] &- 0x30, digit < 10 {
            let (scaled, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(UInt64(digit))
            fitsInteger = fitsInteger && !overflow && !carry
            magnitude = sum
            position += 1
        }
        guard position > digits else { throw syntaxError(wanted: "a value") }
        guard base[digits] != 0x30 || position == digits + 1 else {
            throw syntaxError(got: "a number with a leading zero", wanted: "a number as JSON writes it")
        }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try skipDigits()
        }
        if position < count, base[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try skipDigits()
        }
        if isInteger, fitsInteger {
            if magnitude <= UInt64(Int.max) { return .int(negative ? -Int(magnitude) : Int(magnitude)) }
            if negative, magnitude == UInt64(Int.max) + 1 { return .int(.min) }
        }
        let text = String(decoding: UnsafeBufferPointer(start: base + start, count: position - start), as: UTF8.self)
        if isInteger {
            guard position - digits <= rules.maximumDigits else {
                throw syntaxError(
                    got: "a whole number of \(position - digits) digits", wanted: "at most \(rules.maximumDigits); send it as a string")
            }
            return .largeInt(text)
        }
        guard let value = Double(text), value.isFinite || rules.acceptsNonFinite else {
            throw syntaxError(got: "the number \(text.prefix(60))", wanted: "a number that a 64-bit float can hold")
        }
        return .double(value)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while position < count, base[position] &- 0x30 < 10 { position += 1 }
        guard position > start else { throw syntaxError(wanted: "a digit") }
    }

    // MARK: Strings

    private mutating func parseString() throws(JSONError) -> String {
        position += 1
        let start = position
        skipPlainCharacters()
        if position < count, base[position] == UInt8(ascii: "\"") {
            let string = try makeString(UnsafeBufferPointer(start: base + start, count: position - start))
            position += 1
            return string
        }
        return try parseEscapedString(from: start)
    }

    /// The slow path, entered at the first escape, control character or end of input.
    private mutating func parseEscapedString(from start: Int) throws(JSONError) -> String {
        var bytes = Array(UnsafeBufferPointer(start: base + start, count: position - start))
        while position < count {
            switch base[position] {
            case UInt8(ascii: "\""):
                let string = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in try makeString(buffer) }
                position += 1
                return string
            case UInt8(ascii: "\\"):
                try appendEscape(to: &bytes)
            case 0..<0x20:
                throw syntaxError(got: "a control character in a string", wanted: "it escaped")
            default:
                let plain = position
                skipPlainCharacters()
                bytes.append(contentsOf: UnsafeBufferPointer(start: base + plain, count: position - plain))
            }
        }
        throw syntaxError(wanted: "'\"' at the end of a string")
    }

    private mutating func appendEscape(to bytes: inout [UInt8]) throws(JSONError) {
        guard position + 1 < count else { throw syntaxError(wanted: "an escape") }
        let letter = base[position + 1]
        position += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            var scalar = try parseHexQuad()
            if scalar >> 10 == 0x36, let low = try takeLowSurrogate() { scalar = 0x10000 + (scalar & 0x3FF) << 10 + (low & 0x3FF) }
            guard let character = Unicode.Scalar(scalar) ?? (rules.replacesLoneSurrogates ? Unicode.Scalar(0xFFFD) : nil) else {
                throw scalar >> 10 == 0x36
                    ? syntaxError(wanted: "the second half of a surrogate pair")
                    : syntaxError(got: "a lone surrogate", wanted: "a Unicode character")
            }
            bytes.append(contentsOf: UTF8.encode(character).unsafelyUnwrapped)
        default:
            position -= 1
            throw syntaxError(wanted: "one of \" \\ / b f n r t u after a backslash")
        }
    }

    /// The second half of a surrogate pair, if one follows.
    private mutating func takeLowSurrogate() throws(JSONError) -> UInt32? {
        let start = position
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            position = start
            return nil
        }
        let low = try parseHexQuad()
        if low >> 10 == 0x37 { return low }
        position = start
        return nil
    }

    private mutating func parseHexQuad() throws(JSONError) -> UInt32 {
        guard position + 4 <= count else { throw syntaxError(wanted: "four hexadecimal digits") }
        var value: UInt32 = 0
        for offset in 0..<4 {
            switch base[position + offset] {
            case let digit where digit &- 0x30 < 10: value = value << 4 | UInt32(digit &- 0x30)
            case let letter where (letter | 0x20) &- 0x61 < 6: value = value << 4 | UInt32((letter | 0x20) &- 0x61 + 10)
            default: throw syntaxError(wanted: "four hexadecimal digits")
            }
        }
        position += 4
        return value
    }

    private func makeString(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw syntaxError(got: "bytes that are no UTF-8", wanted: "UTF-8 text")
        }
        return string
    }

    // MARK: Bytes

    /// Stops at a quote, a backslash, a control character or the end. Eight bytes a step: the high bit of each byte of `found` is set
    /// where that byte of `word` is one of the three (classic carry tricks; a false positive only ends the fast loop early).
    private mutating func skipPlainCharacters() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let raw = UnsafeRawPointer(base)
        while position + 8 <= count {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let found = ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
            if found & highs != 0 { break }
            position += 8
        }
        while position < count {
            let byte = base[position]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return }
            position += 1
        }
    }

    private mutating func skipWhiteSpace() {
        while position < count {
            switch base[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < count, base[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func takeWord(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard count - position >= length else { return false }
        for offset in 0..<length where base[position + offset] != word.utf8Start[offset] { return false }
        position += length
        return true
    }

    private func syntaxError(got: String? = nil, wanted: String) -> JSONError {
        var line = 1
        var column = 1
        for index in 0..<min(position, count) {
            if base[index] == 0x0A { (line, column) = (line + 1, 1) } else { column += 1 }
        }
        let found: String
        if let got {
            found = got
        } else if position >= count {
            found = "the end of the document"
        } else if base[position] >= 0x20, base[position] < 0x7F {
            found = "'\(Character(Unicode.Scalar(base[position])))'"
        } else {
            found = "byte 0x" + String(base[position], radix: 16)
        }
        return JSONError(place: "line \(line) column \(column)", got: found, wanted: wanted)
    }
}
