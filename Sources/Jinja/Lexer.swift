/// Cuts a template into text and tokens, with jinja2's whitespace rules under `trim_blocks` and `lstrip_blocks`:
/// a `-` beside a delimiter strips all white space on that side; the first newline after a block or comment goes; spaces between the
/// start of a line and a block or comment go unless it opens with `+`.
struct Lexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var tokens: [Token] = []
    /// Whether the last match ended with a newline, so that spaces before a following block are a line's indentation.
    private var isAtLineStart = true

    init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if scalar == "\r" {
                scalars.append("\n")
            } else if !(scalar == "\n" && previous == "\r") {
                scalars.append(scalar)
            }
            previous = scalar
        }
        // jinja2 drops one newline at the very end.
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    mutating func tokenize() throws(JinjaError) -> [Token] {
        while position < source.count {
            let opening = nextOpening()
            try takeText(upTo: opening)
            guard opening < source.count else { break }
            switch source[opening + 1] {
            case "{": try takeTag(begin: .variableBegin, end: .variableEnd, closing: "}")
            case "#": try takeComment()
            default:
                if let bodyStart = rawBody() {
                    try takeRaw(from: bodyStart)
                } else {
                    try takeTag(begin: .blockBegin, end: .blockEnd, closing: "%")
                }
            }
        }
        add(.end)
        return tokens
    }

    private mutating func add(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

    private func fail(_ message: String) -> JinjaError { .syntax(message, line: line) }

    private func scalar(_ index: Int) -> Unicode.Scalar? { index >= 0 && index < source.count ? source[index] : nil }

    private func matches(_ text: StaticString, at index: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        return index + length <= source.count && (0..<length).allSatisfy { source[index + $0].value == UInt32(text.utf8Start[$0]) }
    }

    private mutating func advance(to index: Int) {
        for passed in position..<index where source[passed] == "\n" { line += 1 }
        if index > position { isAtLineStart = source[index - 1] == "\n" }
        position = index
    }

    private func nextOpening() -> Int {
        var index = position
        while index + 1 < source.count {
            if source[index] == "{", ["{", "%", "#"].contains(source[index + 1]) { return index }
            index += 1
        }
        return source.count
    }

    /// Emits the text before a delimiter, stripped as the delimiter's sign and kind ask.
    private mutating func takeText(upTo opening: Int) throws(JinjaError) {
        var end = opening
        if opening < source.count {
            let sign = scalar(opening + 2)
            if sign == "-" {
                end = strippedEnd(of: position..<end)
            } else if sign != "+" && source[opening + 1] != "{" {
                end = indentationStart(of: position..<end)
            }
        }
        if end > position { add(.text(String(source[position..<end]))) }
        advance(to: opening)
    }

    private func strippedEnd(of range: Range<Int>) -> Int {
        var end = range.upperBound
        while end > range.lowerBound, source[end - 1].isPythonSpace { end -= 1 }
        return end
    }

    private func indentationStart(of range: Range<Int>) -> Int {
        var start = range.upperBound
        while start > range.lowerBound, source[start - 1] != "\n" { start -= 1 }
        guard start > range.lowerBound || isAtLineStart else { return range.upperBound }
        return source[start..<range.upperBound].allSatisfy(\.isPythonSpace) ? start : range.upperBound
    }

    private func skippingSpace(from index: Int) -> Int {
        var index = index
        while index < source.count, source[index].isPythonSpace { index += 1 }
        return index
    }

    /// Where the text after a closing delimiter goes on, or nil when none closes at `index`.
    private func afterClosing(_ closing: Unicode.Scalar, at index: Int) -> Int? {
        guard let first = scalar(index) else { return nil }
        let hasSign = first == "-" || (first == "+" && closing != "}")
        let start = hasSign ? index + 1 : index
        guard scalar(start) == closing, scalar(start + 1) == "}" else { return nil }
        let end = start + 2
        if first == "-" { return skippingSpace(from: end) }
        return !hasSign && closing != "}" && scalar(end) == "\n" ? end + 1 : end
    }

    private mutating func takeComment() throws(JinjaError) {
        var index = position + 2
        while index < source.count {
            if let after = afterClosing("#", at: index) { return advance(to: after) }
            index += 1
        }
        throw fail("a comment has no end")
    }

    // MARK: Raw blocks

    /// Where the body of a raw block starting at the current position begins, or nil when this is another block.
    private func rawBody() -> Int? {
        guard let index = afterKeyword("raw", from: position + 2) else { return nil }
        if matches("-%}", at: index) { return skippingSpace(from: index + 3) }
        return matches("%}", at: index) ? index + 2 : nil
    }

    private func afterKeyword(_ keyword: StaticString, from start: Int) -> Int? {
        let signed = scalar(start) == "-" || scalar(start) == "+" ? start + 1 : start
        let word = skippingSpace(from: signed)
        return matches(keyword, at: word) ? skippingSpace(from: word + keyword.utf8CodeUnitCount) : nil
    }

    private mutating func takeRaw(from bodyStart: Int) throws(JinjaError) {
        advance(to: bodyStart)
        var index = position
        while index < source.count {
            if matches("{%", at: index), let close = afterKeyword("endraw", from: index + 2), let after = afterClosing("%", at: close) {
                try takeText(upTo: index)
                return advance(to: after)
            }
            index += 1
        }
        throw fail("a raw block has no end")
    }

    // MARK: Inside tags

    private static let symbols: [StaticString] = [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",",
        ";",
    ]

    private mutating func takeTag(begin: Token.Kind, end: Token.Kind, closing: Unicode.Scalar) throws(JinjaError) {
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

extension Unicode.Scalar {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
    fileprivate var isNamePart: Bool { self == "_" || properties.isXIDContinue }
}

extension String {
    init(_ scalars: ArraySlice<Unicode.Scalar>) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self = String(view)
    }
}
