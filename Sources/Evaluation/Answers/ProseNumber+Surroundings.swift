/// What stands before a number in prose and belongs to it: a sign, as a character or a word, and a currency.
extension ProseNumber {
    func isLetter(_ position: Int) -> Bool { scalar(position)?.properties.isAlphabetic ?? false }

    /// Hyphens, dashes, minus signs.
    func isDash(_ position: Int) -> Bool { scalar(position).map { $0 == "-" || MathLexer.unicode[Character($0)] == .sign("-") } ?? false }

    private static let currencies: Set<Unicode.Scalar> = ["$", "\\", "€", "£", "¥", "₹"]

    /// Whether one begins here, perhaps behind a sign.
    func isCurrency(_ position: Int) -> Bool {
        [position, position + 1].contains { scalar($0).map(Self.currencies.contains) ?? false }
    }

    /// Where a number with these digits begins.
    func start(of digits: Int) -> Int {
        var start = digits
        if scalar(start - 1) == ".", !isDigit(start - 2), !isLetter(start - 2) { start -= 1 }
        while let mark = scalar(start - 1), Self.currencies.contains(mark), mark != "\\" || scalar(start) == "$" { start -= 1 }
        return sign(before: start) ?? start
    }

    private func sign(before start: Int) -> Int? {
        let isSpaced = isBlank(start - 1)
        let dash = isSpaced ? start - 2 : start - 1
        if isDash(dash) {
            var before = dash - 1
            while isBlank(before) { before -= 1 }
            let isOpened = before < 0 || "=(:<>≈[$".unicodeScalars.contains(text[before])
            // A dash between words, a bullet and the stroke of `3-4` are no signs.
            if isSpaced { return isOpened && before >= 0 && text[before] != ":" ? dash : nil }
            if scalar(dash) == "\u{2014}" || scalar(dash) == "\u{2015}" { return isOpened ? dash : nil }
            let isBound =
                dash == 0
                ? false : isLetter(dash - 1) || isDigit(dash - 1) || isDash(dash - 1) || ")}]%".unicodeScalars.contains(text[dash - 1])
            return isBound ? nil : dash
        }
        guard isSpaced, let (word, wordStart) = word(endingAt: start - 1) else { return nil }
        if word == "negative" { return wordStart }
        guard word == "minus" else { return nil }
        guard let (before, _) = self.word(endingAt: wordStart - 1) else { return wordStart == 0 ? wordStart : nil }
        return Self.introductions.contains(before) ? wordStart : nil
    }

    /// Between other words `minus` takes something away.
    private static let introductions: Set<String> = [
        "is", "was", "be", "are", "equals", "equal", "to", "at", "as", "or", "and", "get", "gives", "gets",
    ]

    func word(endingAt end: Int) -> (String, start: Int)? {
        var start = end
        while start > 0, isLetter(start - 1), end - start < 12 { start -= 1 }
        guard start < end, !isLetter(start - 1) else { return nil }
        return (String(String.UnicodeScalarView(text[start..<end])).lowercased(), start)
    }
}
