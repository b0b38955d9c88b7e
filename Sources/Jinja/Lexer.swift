/// Cuts a template into text and tokens, with jinja2's whitespace rules under `trim_blocks` and `lstrip_blocks`:
/// a `-` beside a delimiter strips all white space on that side; the first newline after a block or comment goes; spaces between the
/// start of a line and a block or comment go unless it opens with `+`.
struct Lexer {
    let source: [Unicode.Scalar]
    private(set) var position = 0
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

    mutating func add(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

    func fail(_ message: String) -> JinjaError { .syntax(message, line: line) }

    func scalar(_ index: Int) -> Unicode.Scalar? { index >= 0 && index < source.count ? source[index] : nil }

    func matches(_ text: StaticString, at index: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        return index + length <= source.count && (0..<length).allSatisfy { source[index + $0].value == UInt32(text.utf8Start[$0]) }
    }

    mutating func advance(to index: Int) {
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

    func skippingSpace(from index: Int) -> Int {
        var index = index
        while index < source.count, source[index].isPythonSpace { index += 1 }
        return index
    }

    /// Where the text after a closing delimiter goes on, or nil when none closes at `index`.
    func afterClosing(_ closing: Unicode.Scalar, at index: Int) -> Int? {
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
}

extension Unicode.Scalar {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
    var isNamePart: Bool { self == "_" || properties.isXIDContinue }
}

extension String {
    init(_ scalars: ArraySlice<Unicode.Scalar>) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self = String(view)
    }
}

/// One piece of a template's source.
struct Token: Sendable {
    enum Kind: Sendable, Equatable {
        case text(String)
        case variableBegin, variableEnd
        case blockBegin, blockEnd
        case name(String)
        case string(String)
        case integer(Int)
        case double(Double)
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int

    /// How a message shows the token.
    var display: String {
        switch kind {
        case .text: "template data"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer(let number): "'\(number)'"
        case .double(let number): "'\(number)'"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "end of template"
        }
    }
}
