// What stands between `{{` or `{%` and its end: names, numbers, strings, symbols.

extension Lexer {
    private static let symbols: [StaticString] = [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",",
        ";",
    ]

    mutating func takeTag(begin: Token.Kind, end: Token.Kind, closing: Unicode.Scalar) throws(JinjaError) {
        add(begin)
        let start = position + 2
        let sign = scalar(start)
        advance(to: sign == "-" || (sign == "+" && closing == "%") ? start + 1 : start)
        var brackets: [Unicode.Scalar] = []
        while true {
            advance(to: skippingSpace(from: position))
            guard position < source.count else { throw fail("a tag has no end") }
            if brackets.isEmpty, let after = afterClosing(closing, at: position) {
                add(end)
                return advance(to: after)
            }
            try takeToken(brackets: &brackets)
        }
    }

    private mutating func takeToken(brackets: inout [Unicode.Scalar]) throws(JinjaError) {
        let first = source[position]
        if first == "'" || first == "\"" { return try takeString(quote: first) }
        if first.isASCIIDigit { return try takeNumber() }
        if first.isNamePart {
            let end = source[position...].firstIndex { !$0.isNamePart } ?? source.count
            add(.name(String(source[position..<end])))
            return advance(to: end)
        }
        guard let symbol = Self.symbols.first(where: { matches($0, at: position) }) else {
            throw fail("unexpected character '\(String(first))'")
        }
        switch first {
        case "(": brackets.append(")")
        case "[": brackets.append("]")
        case "{": brackets.append("}")
        case ")", "]", "}":
            guard brackets.popLast() == first else { throw fail("unexpected '\(String(first))'") }
        default: break
        }
        add(.symbol(symbol.description))
        advance(to: position + symbol.utf8CodeUnitCount)
    }

    private mutating func takeNumber() throws(JinjaError) {
        var index = position
        if first(at: index, in: "0"), let radix = radix(of: scalar(index + 1)) {
            let digits = scan(from: index + 2) { $0.properties.isASCIIHexDigit }
            guard let number = Int(digits.text, radix: radix) else { throw fail("not a number") }
            add(.integer(number))
            return advance(to: digits.end)
        }
        let whole = scan(from: index, while: \.isASCIIDigit)
        index = whole.end
        var text = whole.text
        var isWhole = true
        let mayHaveFraction = scalar(position - 1) != "."
        if mayHaveFraction, scalar(index) == ".", scalar(index + 1)?.isASCIIDigit == true {
            let fraction = scan(from: index + 1, while: \.isASCIIDigit)
            (text, index, isWhole) = (text + "." + fraction.text, fraction.end, false)
        }
        if mayHaveFraction, let mark = scalar(index), mark == "e" || mark == "E" {
            let sign = scalar(index + 1)
            let start = sign == "+" || sign == "-" ? index + 2 : index + 1
            if scalar(start)?.isASCIIDigit == true {
                let exponent = scan(from: start, while: \.isASCIIDigit)
                (text, index, isWhole) = (text + "e" + (sign == "-" ? "-" : "") + exponent.text, exponent.end, false)
            }
        }
        if isWhole {
            guard let number = Int(text) else { throw fail("the number \(text.prefix(40)) is too large") }
            add(.integer(number))
        } else {
            add(.double(Double(text) ?? .nan))
        }
        advance(to: index)
    }

    private func first(at index: Int, in wanted: Unicode.Scalar) -> Bool { scalar(index) == wanted }

    private func radix(of mark: Unicode.Scalar?) -> Int? {
        switch mark {
        case "x", "X": 16
        case "o", "O": 8
        case "b", "B": 2
        default: nil
        }
    }

    /// Digits with single underscores between them left out.
    private func scan(from start: Int, while isDigit: (Unicode.Scalar) -> Bool) -> (text: String, end: Int) {
        var index = start
        var digits: [Unicode.Scalar] = []
        while let next = scalar(index) {
            if isDigit(next) {
                digits.append(next)
            } else if !(next == "_" && scalar(index + 1).map(isDigit) == true) {
                break
            }
            index += 1
        }
        return (String(digits[...]), index)
    }

    private mutating func takeString(quote: Unicode.Scalar) throws(JinjaError) {
        var index = position + 1
        var text = String.UnicodeScalarView()
        while let next = scalar(index), next != quote {
            if next == "\\" {
                index = try unescape(at: index + 1, into: &text)
            } else {
                text.append(next)
                index += 1
            }
        }
        guard index < source.count else { throw fail("a string has no end") }
        add(.string(String(text)))
        advance(to: index + 1)
    }

    /// Python's string escapes; unknown ones keep their backslash.
    private func unescape(at index: Int, into text: inout String.UnicodeScalarView) throws(JinjaError) -> Int {
        guard let mark = scalar(index) else { throw fail("a string has no end") }
        switch mark {
        case "\n": break
        case "\\", "'", "\"": text.append(mark)
        case "n": text.append("\n")
        case "t": text.append("\t")
        case "r": text.append("\r")
        case "a": text.append("\u{07}")
        case "b": text.append("\u{08}")
        case "f": text.append("\u{0C}")
        case "v": text.append("\u{0B}")
        case "x": return try codePoint(digits: 2, at: index + 1, into: &text)
        case "u": return try codePoint(digits: 4, at: index + 1, into: &text)
        case "U": return try codePoint(digits: 8, at: index + 1, into: &text)
        case "0"..."7":
            var end = index
            var value: UInt32 = 0
            while end < index + 3, let digit = scalar(end), ("0"..."7").contains(digit) {
                value = value * 8 + (digit.value - 0x30)
                end += 1
            }
            text.append(Unicode.Scalar(value) ?? "\u{FFFD}")
            return end
        default:
            text.append("\\")
            text.append(mark)
        }
        return index + 1
    }

    private func codePoint(digits: Int, at start: Int, into text: inout String.UnicodeScalarView) throws(JinjaError) -> Int {
        let end = start + digits
        guard end <= source.count, source[start..<end].allSatisfy(\.properties.isASCIIHexDigit),
            let value = UInt32(String(source[start..<end]), radix: 16), let scalar = Unicode.Scalar(value)
        else { throw fail("a string has a malformed character escape") }
        text.append(scalar)
        return end
    }
}
