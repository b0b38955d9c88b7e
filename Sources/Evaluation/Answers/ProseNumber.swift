/// The last number of a text without formulas, with all that belongs to it: sign, currency, groups of thousands, decimals, exponent,
/// fraction, per cent. It only finds where that begins and ends; `MathLexer` and `MathParser` read it.
struct ProseNumber {
    let text: [Unicode.Scalar]

    /// Of the text's bytes. Linear in their number.
    static func last(in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        let string = String(decoding: bytes, as: UTF8.self)
        let prose = ProseNumber(text: Array(string.unicodeScalars))
        guard let found = prose.last() else { return nil }
        let start = prose.text[..<found.lowerBound].reduce(bytes.startIndex) { $0 + UTF8.width($1) }
        return start..<prose.text[found].reduce(start) { $0 + UTF8.width($1) }
    }

    /// How many numbers from the end are looked at when the last are parts of something else, as that of `cm^2` is.
    private static let mostTried = 16

    private func last() -> Range<Int>? {
        var numbers: [Range<Int>] = []
        var position = 0
        while position < text.count {
            guard let end = end(ofNumberAt: position) else {
                position += 1
                continue
            }
            numbers.append(position..<end)
            position = end
        }
        for number in numbers.suffix(Self.mostTried).reversed() {
            if let whole = whole(start(of: number.lowerBound)..<number.upperBound) { return whole }
        }
        return nil
    }

    // MARK: Digits

    func scalar(_ position: Int) -> Unicode.Scalar? { text.indices.contains(position) ? text[position] : nil }

    func isDigit(_ position: Int) -> Bool { scalar(position).map { ("0"..."9").contains($0) } ?? false }

    private func isFraction(_ position: Int) -> Bool { scalar(position).map { MathLexer.fractions[Character($0)] != nil } ?? false }

    func isBlank(_ position: Int) -> Bool { scalar(position).map { $0.properties.isWhitespace && $0 != "\n" } ?? false }

    /// Behind the digits that begin here.
    private func digits(_ start: Int) -> Int {
        var end = start
        while isDigit(end) { end += 1 }
        return end
    }

    /// Behind `pattern` when it stands here.
    func after(_ pattern: String, at position: Int) -> Int? {
        var end = position
        for scalar in pattern.unicodeScalars {
            guard self.scalar(end) == scalar else { return nil }
            end += 1
        }
        return end
    }

    private func after(anyOf patterns: [String], at position: Int) -> Int? {
        for pattern in patterns { if let end = after(pattern, at: position) { return end } }
        return nil
    }

    // MARK: One number

    private func end(ofNumberAt start: Int) -> Int? {
        if isFraction(start) { return share(start + 1) }
        guard isDigit(start) else { return nil }
        let whole = grouped(start)
        var end = decimals(whole)
        if end == whole, let mixed = mixed(start, whole) { return share(mixed) }
        end = power(exponent(end))
        end = timesPowerOfTen(end)
        for strokes in isLabel(start) ? [Self.strokes] : [Self.strokes, Self.colons] {
            while let next = after(anyOf: strokes + strokes.map { " \($0) " }, at: end), isDigit(next) { end = decimals(digits(next)) }
        }
        return share(end)
    }

    private static let strokes = ["/", "\u{2044}", "\u{2215}"]
    private static let colons = [":", "\u{2236}"]
    private static let labels: Set<String> = [
        "case", "day", "group", "hour", "month", "number", "option", "part", "problem", "question", "round", "stage", "step", "trip",
        "week",
        "year",
    ]

    /// Whether a number only counts what is spoken of, so that the colon behind it is that of a sentence: `Week 3:210 pages`.
    private func isLabel(_ start: Int) -> Bool { word(endingAt: start - 1).map { Self.labels.contains($0.0) } ?? false }

    private static let separators = [
        ",", "{,}", ",\\!", "\\,", "{\\,}", "\\ ", "'", "\u{2019}", " ", "\u{A0}", "\u{202F}", "\u{2009}", "\u{2007}",
    ]

    /// Behind thousands set apart in one way, the groups of India, or numbers with nothing but commas between, which are a list.
    private func grouped(_ start: Int) -> Int {
        let first = digits(start)
        for separator in Self.separators {
            if first - start > 3 || isPreceded(start, by: separator) { continue }
            var end = first
            while let next = after(separator, at: end), digits(next) == next + 3 { end = next + 3 }
            // `1 234/567` is a mixed number, `1 234 5` are several.
            let goesOn = after(separator, at: end).map(isDigit) ?? false
            let isMixed = separator == " " && scalar(end) == "/" && isDigit(end + 1)
            if end > first, !goesOn, !isMixed { return end }
        }
        var end = first
        while let next = after(",", at: end), isDigit(next) { end = decimals(digits(next)) }
        return end
    }

    private func isPreceded(_ start: Int, by separator: String) -> Bool {
        let before = start - separator.unicodeScalars.count
        return before > 0 && isDigit(before - 1) && after(separator, at: before) == start
    }

    private func decimals(_ start: Int) -> Int {
        var end = start
        while scalar(end) == "." {
            if let repeating = after("\\overline{", at: digits(end + 1)), isDigit(repeating), scalar(digits(repeating)) == "}" {
                return digits(repeating) + 1
            }
            guard isDigit(end + 1) else { return end }
            let (point, after) = (end, digits(end + 1))
            end = after
            // `0.000 125`
            if point == start, after - point == 4 {
                while isBlank(end), digits(end + 1) == end + 4 { end += 4 }
                if isBlank(end), isDigit(end + 1) { end = after }
            }
        }
        return end
    }

    private func exponent(_ start: Int) -> Int {
        guard scalar(start) == "e" || scalar(start) == "E" else { return start }
        let mantissa = start + 1
        let end = digits(isDash(mantissa) || scalar(mantissa) == "+" ? mantissa + 1 : mantissa)
        return isDigit(end - 1) && !isLetter(end) ? end : start
    }

    /// `^3`, `^{-3}`, `**3`, a raised or lowered run, `_2`, `_{16}`.
    private func power(_ start: Int) -> Int {
        let isScript = { (position: Int) in
            scalar(position).map { MathLexer.superscripts[Character($0)] != nil || MathLexer.subscripts[Character($0)] != nil } ?? false
        }
        if isScript(start) {
            var end = start
            while isScript(end) { end += 1 }
            return end
        }
        guard var next = after(anyOf: ["^", "_", "**"], at: start) else { return start }
        if scalar(next) == "{" || scalar(next) == "(" {
            let closing: Unicode.Scalar = scalar(next) == "{" ? "}" : ")"
            return text[next...].prefix(24).firstIndex(of: closing).map { $0 + 1 } ?? start
        }
        if let circle = after("\\circ", at: next) { return circle }
        if isDash(next) || scalar(next) == "+" { next += 1 }
        return isDigit(next) ? decimals(digits(next)) : start
    }

    private static let times = ["×", "·", "⋅", "∙", "∗", "*", "x", "X", "\\times", "\\cdot", "\\ast"]

    private func timesPowerOfTen(_ start: Int) -> Int {
        let sign = isBlank(start) ? start + 1 : start
        guard let behind = after(anyOf: Self.times, at: sign) else { return start }
        guard let ten = after("10", at: isBlank(behind) ? behind + 1 : behind) else { return start }
        let end = power(ten)
        return end > ten ? end : start
    }

    /// `1 1/2`, `1½`
    private func mixed(_ start: Int, _ whole: Int) -> Int? {
        let next = isBlank(whole) ? whole + 1 : whole
        if isFraction(next) { return next + 1 }
        let stroke = digits(next)
        guard next > whole, stroke > next, let below = after(anyOf: Self.strokes, at: stroke), isDigit(below) else { return nil }
        let (over, under) = (text[next..<stroke], text[below..<digits(below)])
        let isProper = over.count == under.count ? over.lexicographicallyPrecedes(under) : over.count < under.count
        return isProper ? digits(below) : nil
    }

    private static let shares = ["%", "\\%", "\u{FF05}"]
    private static let words = [
        "percent", "per cent", "pct", "hundred", "thousand", "million", "billion", "trillion", "lakh", "crore", "lakhs", "crores",
    ]

    /// Behind per cent, `million` and the like, or the sign of a currency.
    private func share(_ start: Int) -> Int {
        let next = isBlank(start) ? start + 1 : start
        if let end = after(anyOf: Self.shares + ["€", "£", "₹"], at: next) { return end }
        guard next > start else { return start }
        for word in Self.words { if let end = after(word, at: next), !isLetter(end) { return end } }
        return start
    }
}
