/// Splits an answer into tokens, leaving out what only looks: dollar signs around formulas, sizes, thin spaces, fonts.
struct MathLexer {
    /// Longer ones are no answers.
    static let mostCharacters = 1500

    private let characters: [Character]
    private var position = 0
    private var tokens: [MathToken] = []
    private var isSpaced = false

    /// - Throws: `AlgebraError.tooLarge` for more than `mostCharacters`.
    static func tokens(_ text: String) throws(AlgebraError) -> [MathToken] {
        guard text.utf8.count <= 4 * mostCharacters else { throw .tooLarge }
        var lexer = MathLexer(characters: Array(text))
        guard lexer.characters.count <= mostCharacters else { throw .tooLarge }
        lexer.run()
        return lexer.tokens
    }

    private init(characters: [Character]) { self.characters = characters }

    private mutating func run() {
        while position < characters.count {
            let character = characters[position]
            if character.isWhitespace || character == "~" || character == "$" {
                isSpaced = true
                position += 1
            } else if character == "\\" {
                command()
            } else if character.isASCII, character.isLetter {
                letters()
            } else if Self.superscripts[character] != nil {
                if !raisedFraction() { script(Self.superscripts, .sign("^")) }
            } else if Self.subscripts[character] != nil {
                script(Self.subscripts, .sign("_"))
            } else if let (above, below) = Self.fractions[character] {
                emit(.command("frac"), .sign("{"), .digit(above), .sign("}"), .sign("{"))
                for digit in below { emit(.digit(digit)) }
                emit(.sign("}"))
                position += 1
            } else if Self.invisible.contains(character) {
                position += 1
            } else if character == ".", ellipsis() {
                emit(.command("dots"))
            } else if let kind = Self.unicode[character] {
                emit(kind)
                position += 1
            } else {
                emit(character.isASCII && character.isNumber ? .digit(character) : .sign(character))
                position += 1
            }
        }
    }

    /// Raised or lowered characters side by side: one exponent, one index.
    private mutating func script(_ characters: [Character: MathToken.Kind], _ mark: MathToken.Kind) {
        emit(mark, .sign("{"))
        while position < self.characters.count, let kind = characters[self.characters[position]] {
            emit(kind)
            position += 1
        }
        emit(.sign("}"))
    }

    /// `¹⁄₂`
    private mutating func raisedFraction() -> Bool {
        var end = position
        var (above, below): ([MathToken.Kind], [MathToken.Kind]) = ([], [])
        while end < characters.count, let kind = Self.superscripts[characters[end]] { (above, end) = (above + [kind], end + 1) }
        guard end < characters.count, characters[end] == "\u{2044}" else { return false }
        end += 1
        while end < characters.count, let kind = Self.subscripts[characters[end]] { (below, end) = (below + [kind], end + 1) }
        guard !below.isEmpty, (above + below).allSatisfy({ if case .digit = $0 { true } else { false } }) else { return false }
        emit(.command("frac"), .sign("{"))
        for kind in above { emit(kind) }
        emit(.sign("}"), .sign("{"))
        for kind in below { emit(kind) }
        emit(.sign("}"))
        position = end
        return true
    }

    /// Three full stops, which are passed.
    private mutating func ellipsis() -> Bool {
        guard position + 2 < characters.count, characters[position + 1] == ".", characters[position + 2] == "." else { return false }
        position += 3
        while position < characters.count, characters[position] == "." { position += 1 }
        return true
    }

    private mutating func emit(_ kinds: MathToken.Kind...) {
        for kind in kinds {
            tokens.append(MathToken(kind: kind, isSpaced: isSpaced))
            isSpaced = false
        }
    }

    private mutating func command() {
        position += 1
        guard position < characters.count else { return }
        let first = characters[position]
        if !first.isLetter {
            position += 1
            switch first {
            case "{", "}": emit(.command(String(first)))
            case "\\": emit(.command("newline"))
            case "$": emit(.command("dollar"))
            case "%": emit(.sign("%"))
            case "|": emit(.command("vert"))
            // A thin space after a comma makes it a separator of thousands.
            case "!": if tokens.last?.kind == .sign(",") { tokens[tokens.count - 1].kind = .command("thousands") }
            case _ where Self.spaces.contains(String(first)): isSpaced = true
            default: emit(.sign(first))
            }
            return
        }
        var name = ""
        while position < characters.count, characters[position].isASCII, characters[position].isLetter {
            name.append(characters[position])
            position += 1
        }
        if Self.texts.contains(name) {
            // `\mathrm{i}` and `\mathrm{e}` are numbers, not words.
            if !singleLetter({ $0 == "i" || $0 == "e" }) { text() }
        } else if Self.spaces.contains(name) {
            // `\left.` and `\right.` are brackets that are not there.
            if name == "left" || name == "right", position < characters.count, characters[position] == "." { position += 1 }
        } else if Self.fonts.contains(name) {
            _ = singleLetter { $0.isASCII && $0.isLetter }
        } else if name == "langle" || name == "lparen" {
            emit(.sign("("))
        } else if name == "rangle" || name == "rparen" {
            emit(.sign(")"))
        } else {
            let name = Self.aliases[name] ?? name
            if name == "[" || name == "]" || name == ":" { emit(.sign(Character(name))) } else { emit(.command(name)) }
        }
    }

    /// A letter alone in braces, without them.
    private mutating func singleLetter(_ isWanted: (Character) -> Bool) -> Bool {
        guard position + 2 < characters.count, characters[position] == "{", characters[position + 2] == "}",
            isWanted(characters[position + 1])
        else { return false }
        emit(.letter(characters[position + 1]))
        position += 3
        return true
    }

    /// The argument of `\text`, its formatting dropped. Digits and signs in it are read as if they stood outside.
    private mutating func text() {
        while position < characters.count, characters[position].isWhitespace { position += 1 }
        guard position < characters.count, characters[position] == "{" else { return }
        var depth = 0
        var content = ""
        while position < characters.count {
            let character = characters[position]
            position += 1
            if character == "{" {
                depth += 1
                if depth == 1 { continue }
            }
            if character == "}" {
                depth -= 1
                if depth == 0 { break }
            }
            if depth > 1 && (character == "{" || character == "}") { continue }
            content.append(character)
        }
        let words = Self.normalised(content)
        if words.isEmpty {
            isSpaced = true
        } else if Self.minusWords.contains(words), numberFollows {
            emit(.sign("-"))
        } else if words.contains(where: { $0.isNumber || $0 == "\\" || $0 == "$" }) {
            var inner = MathLexer(characters: Array(content.prefix(Self.mostCharacters)))
            // Text within text is not opened again: hostile nesting ends here.
            if !content.contains("\\") { inner.run() } else { inner.tokens = [MathToken(kind: .words(words), isSpaced: true)] }
            tokens += inner.tokens
        } else {
            emit(.words(words))
        }
    }

    /// Lowercase, with single blanks and no full stop at the end.
    static func normalised(_ text: String) -> String {
        var words = text.lowercased().split(whereSeparator: { $0.isWhitespace || $0 == "~" || $0 == "\\" }).joined(separator: " ")
        while let last = words.last, last == "." || last == "," { words.removeLast() }
        return words
    }

    /// Plain letters: a function's name, a word of three letters and more, a unit, or variables one by one.
    private mutating func letters() {
        var end = position
        while end < characters.count, characters[end].isASCII, characters[end].isLetter { end += 1 }
        let word = String(characters[position..<end])
        position = end
        if Self.plainCommands.contains(word.lowercased()) {
            emit(.command(word.lowercased()))
        } else if Self.minusWords.contains(word.lowercased()), numberFollows {
            emit(.sign("-"))
        } else if word.lowercased() == "x", case .digit? = tokens.last?.kind, powerOfTenFollows {
            emit(.command("times"))
        } else if word.count >= 3 || ["or", "and"].contains(word.lowercased()) || (tokens.last?.endsNumber ?? false) && Units.isUnit(word) {
            emit(.words(word.lowercased()))
        } else {
            for letter in word { emit(.letter(letter)) }
        }
    }

    private static let minusWords: Set<String> = ["minus", "negative"]

    private var numberFollows: Bool {
        let rest = characters[position...].drop(while: \.isWhitespace)
        return rest.first.map { $0.isASCII && $0.isNumber } ?? false
    }

    /// The `x` of `1.2 x 10^3` is a sign; that of `2 x 10` is none.
    private var powerOfTenFollows: Bool {
        let rest = characters[position...].drop(while: \.isWhitespace)
        guard rest.starts(with: "10") else { return false }
        let next = rest.dropFirst(2)
        return next.first == "^" || next.starts(with: "**") || next.first.map { Self.superscripts[$0] != nil } ?? false
    }
}
