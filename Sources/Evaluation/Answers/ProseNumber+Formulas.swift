/// Whether a number in prose is one at all, rather than a part of `2\sqrt{3}`, `(2,4)` or `cm^2`.
extension ProseNumber {
    /// The number, or the formula that it is a part of; nil when that is none to be read.
    func whole(_ number: Range<Int>) -> Range<Int>? {
        let isPart = isPart(number)
        // An index and the exponent of a unit count nothing.
        if scalar(number.lowerBound - 1) == "_" || after("_{", at: number.lowerBound - 2) != nil { return nil }
        if isBlank(number.lowerBound - 1), takesArgument(number.lowerBound - 1) { return nil }
        let formula = isPart ? formula(around: number) : number
        let written = self.written(formula)
        if isPart, Self.isUnit(written) { return nil }
        let sum = terms(around: formula)
        if sum != formula, Self.isRead(self.written(sum)) { return sum }
        if !isPart || Self.isRead(written) { return formula }
        return written.contains { "\\√^_{".contains($0) } ? nil : number
    }

    private func written(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(text[range])) }

    private static func isRead(_ text: String) -> Bool { (try? MathParser.parse(text)) != nil }

    // MARK: What touches a number

    private func isPart(_ number: Range<Int>) -> Bool { isPart(behind: number) || isPart(before: number) }

    private func isPart(behind number: Range<Int>) -> Bool {
        let before = number.lowerBound - 1
        switch scalar(before) {
        case "{", "^", "_", "√", "π", "|": return true
        case ",": return isDigit(before - 1) || scalar(before - 1) == ")" || isVariable(before - 1)
        case "/", "+", "*", "·", "×", "⋅":
            if isVariable(before - 1) || closes(before - 1) || scalar(before - 1) == "π" { return true }
            return scalar(before) != "/" && isDigit(before - 1)
        case "(", "[":
            if isVariable(before - 1) || scalar(before - 1) == "√" || takesArgument(before) || word(endingAt: before)?.0 == "sqrt" {
                return true
            }
            guard let list = try? MathParser.parse(written(number)) else { return false }
            if case .list = list { return true }
            return false
        case _ where isDash(before): return isVariable(before - 1) || closes(before - 1)
        case _ where isLetter(before): return takesArgument(before + 1)
        default: return false
        }
    }

    private func isPart(before number: Range<Int>) -> Bool {
        let behind = number.upperBound
        switch scalar(behind) {
        case "^", "_", "√", "π", "}", "|": return true
        case "\\": return isLetter(behind + 1)
        case "(": return !isBlank(behind + 1)
        // `$5k` are thousands.
        case "k" where isCurrency(number.lowerBound): return false
        case "x", "y", "z", "n", "i", "k": return !isLetter(behind + 1)
        case "+", "*", "·", "×", "⋅":
            return isVariable(behind + 1) || ["√", "π", "\\", "("].contains(scalar(behind + 1)) || after("sqrt", at: behind + 1) != nil
        case _ where isDash(behind): return isVariable(behind + 1) || ["√", "π", "\\"].contains(scalar(behind + 1))
        default: return false
        }
    }

    /// A letter alone: a variable, while a word's letter is none.
    private func isVariable(_ position: Int) -> Bool { isLetter(position) && !isLetter(position - 1) && !isLetter(position + 1) }

    private func closes(_ position: Int) -> Bool { scalar(position) == ")" || scalar(position) == "}" }

    /// Whether a command ends here that what follows is an argument of.
    private func takesArgument(_ end: Int) -> Bool {
        guard let (name, start) = word(endingAt: end), scalar(start - 1) == "\\" else { return false }
        return ["frac", "dfrac", "tfrac", "sqrt", "binom"].contains(name)
    }

    // MARK: The formula

    private static let most = 200

    /// All around a number up to blanks, relations, and quotation marks.
    private func formula(around number: Range<Int>) -> Range<Int> {
        var (start, end) = (number.lowerBound, number.upperBound)
        while start > 0, number.lowerBound - start < Self.most, !ends(start - 1), !(scalar(start - 1) == "\\" && isBracket(start)) {
            start -= 1
        }
        while end < text.count, end - number.upperBound < Self.most, !ends(end), !(scalar(end) == "\\" && isBracket(end + 1)) { end += 1 }
        while end > number.upperBound, ".!?'*".unicodeScalars.contains(text[end - 1]) { end -= 1 }
        while start < number.lowerBound, "'*".unicodeScalars.contains(text[start]) { start += 1 }
        for (opening, closing) in [("(", ")"), ("[", "]"), ("{", "}")] as [(Unicode.Scalar, Unicode.Scalar)] where !isInterval(start, end) {
            let (opened, closed) = (text[start..<end].count { $0 == opening }, text[start..<end].count { $0 == closing })
            if opened > closed, text[start] == opening { start += 1 }
            if closed > opened, text[end - 1] == closing { end -= 1 }
        }
        // `3 \sqrt{5}`
        if "\\√π".unicodeScalars.contains(text[start]), isBlank(start - 1), isDigit(start - 2) {
            start -= 1
            while start > 0, !ends(start - 1), number.lowerBound - start < Self.most { start -= 1 }
        }
        return start..<end
    }

    private func isInterval(_ start: Int, _ end: Int) -> Bool {
        let (first, last) = (text[start], text[end - 1])
        return (first == "(" || first == "[") && (last == ")" || last == "]") && text[start..<end].contains(",")
    }

    private func ends(_ position: Int) -> Bool {
        switch text[position] {
        case "*": scalar(position - 1) == "*" || scalar(position + 1) == "*"
        case ",": position + 1 == text.count || text[position + 1].properties.isWhitespace
        default: text[position].properties.isWhitespace || "$=<>≈≤≥≠;:\"“”`→⇒#—&".unicodeScalars.contains(text[position])
        }
    }

    /// The second half of `\(` or `\[`, `\)` or `\]`.
    private func isBracket(_ position: Int) -> Bool { scalar(position).map { "()[]".unicodeScalars.contains($0) } ?? false }

    /// `cm^2`, `m/s^2`, `in^{3}`
    private static func isUnit(_ written: String) -> Bool {
        let parts = written.split { "/^{}".contains($0) }
        let isWhole = written.contains("^") && written.first?.isLetter ?? false
        return isWhole && parts.allSatisfy { part in part.allSatisfy(\.isNumber) || Units.isSymbol(String(part)) }
    }

    // MARK: Sums with blanks in them

    private static let mostTerms = 12

    /// `5 + 2i`, `8n^2 + 4n + 1`: the terms before and behind as well. Of `10 - 20`, `12 apples + 3` and `4 x 5` only what is there.
    private func terms(around formula: Range<Int>) -> Range<Int> {
        var (start, end) = (formula.lowerBound, formula.upperBound)
        for _ in 0..<Self.mostTerms {
            guard isBlank(start - 1), isOperator(start - 2), isBlank(start - 3) else { break }
            var left = start - 3
            while left > 0, !ends(left - 1), start - left < Self.most { left -= 1 }
            guard isTerm(left..<start - 3), text[start - 2] == "+" || isAlgebra(left..<start - 3) || isAlgebra(start..<end) else { break }
            start = left
        }
        for _ in 0..<Self.mostTerms {
            guard isBlank(end), isOperator(end + 1), isBlank(end + 2), end + 3 < text.count else { break }
            var right = end + 3
            while right < text.count, !ends(right), right - end < Self.most { right += 1 }
            while right > end + 3, ".!?".unicodeScalars.contains(text[right - 1]) { right -= 1 }
            guard isTerm(end + 3..<right), text[end + 1] == "+" || isAlgebra(end + 3..<right) || isAlgebra(start..<end) else { break }
            end = right
        }
        return start..<end
    }

    private func isOperator(_ position: Int) -> Bool { scalar(position) == "+" || isDash(position) }

    /// Without words: those of commands are none.
    private func isTerm(_ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        var position = range.lowerBound
        while position < range.upperBound {
            if isLetter(position), isLetter(position + 1), position + 1 < range.upperBound { return false }
            if text[position] == "\\" {
                position += 1
                while position < range.upperBound, isLetter(position) { position += 1 }
            } else {
                position += 1
            }
        }
        return true
    }

    private func isAlgebra(_ range: Range<Int>) -> Bool { range.contains { isLetter($0) || "\\√^".unicodeScalars.contains(text[$0]) } }
}
