/// Answers as text: choices of a test, names, words, and whatever cannot be read as mathematics.
enum AnswerText {
    /// Words without case, articles, punctuation and brackets around them.
    static func words(_ text: String) -> String {
        let words = text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber })
        let others = words.filter { !["the", "a", "an"].contains($0) }
        return (others.isEmpty ? words : others).joined(separator: " ")
    }

    /// The text of an answer that is made of words and letters alone, with or without brackets; nil for others.
    static func text(_ tokens: [MathToken]) -> String? {
        var words: [String] = []
        var isWord = true
        for token in tokens {
            switch token.kind {
            case .words(let word): words.append(word)
            // Letters side by side are one word.
            case .letter(let letter):
                if isWord || token.isSpaced || words.isEmpty { words.append("") }
                words[words.count - 1].append(letter.lowercased())
                isWord = false
                continue
            case .command("dots"), .sign("("), .sign(")"), .sign("."), .sign(":"), .sign("'"), .sign("-"), .sign(","), .sign("{"),
                .sign("}"):
                break
            default: return nil
            }
            isWord = true
        }
        return words.isEmpty ? nil : Self.words(words.joined(separator: " "))
    }

    /// The letter of a multiple-choice answer: `C`, `(C)`, `C. 14`, `(C) 14`.
    static func choice(_ text: String) -> Character? {
        var rest = text.drop { $0.isWhitespace || $0 == "$" }
        for prefix in ["\\textbf{", "\\text{", "\\mathrm{", "\\mathbf{"] where rest.hasPrefix(prefix) {
            rest = rest.dropFirst(prefix.count)
        }
        let hasBracket = rest.first == "("
        if hasBracket { rest = rest.dropFirst() }
        guard let letter = rest.first, letter.isASCII, letter.isUppercase else { return nil }
        rest = rest.dropFirst()
        let end = rest.first
        if hasBracket { return end == ")" ? letter : nil }
        if rest.allSatisfy({ "}). $".contains($0) }) { return letter }
        return end == "." || end == ")" || end == ":" ? letter : nil
    }

    /// Without white space, dollar signs, sizes and spacing commands: how the rest is compared.
    static func stripped(_ text: String) -> String {
        var text = text
        for command in ["\\left", "\\right", "\\!", "\\,", "\\;", "\\:", "\\ ", "$", "\\displaystyle", "\\(", "\\)", "\\[", "\\]"] {
            text = text.replacing(command, with: "")
        }
        text = text.replacing("dfrac", with: "frac").replacing("tfrac", with: "frac")
        for dots in ["\\ldots", "\\cdots", "\\dots", "...", "⋯"] { text = text.replacing(dots, with: "…") }
        // A blank between digits keeps numbers apart.
        let parts = text.split(whereSeparator: \.isWhitespace)
        text = parts.reduce(into: "") { joined, part in
            if joined.last?.isNumber ?? false, part.first?.isNumber ?? false { joined += " " }
            joined += part
        }
        while text.last == "." { text.removeLast() }
        return text
    }
}
