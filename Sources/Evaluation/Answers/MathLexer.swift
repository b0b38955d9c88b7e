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

    private static let spaces: Set<String> = [
        ",", ";", ":", " ", "!", "quad", "qquad", "left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "Bigg",
        "displaystyle", "textstyle", "limits", "mathstrut", "hspace", "thinspace", "(", ")", "[", "]",
    ]
    private static let fonts: Set<String> = [
        "mathbf", "mathit", "mathcal", "mathsf", "boldsymbol", "bm", "ensuremath", "phantom", "boxed", "fbox", "mathbb",
    ]
    private static let texts: Set<String> = [
        "text", "textbf", "textit", "textrm", "mbox", "hbox", "mathrm", "operatorname", "texttt", "rm",
    ]
    private static let aliases: [String: String] = [
        "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "leq": "le", "geq": "ge", "leqslant": "le", "geqslant": "ge", "neq": "ne",
        "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "dbinom": "binom", "tbinom": "binom", "degree": "circ", "lvert": "vert",
        "rvert": "vert", "mid": "vert", "arcsin": "arcsin", "varnothing": "emptyset", "colon": ":", "ast": "cdot", "lg": "log",
    ]
    private static let plainCommands: Set<String> = [
        "sqrt", "pi", "sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "exp", "arcsin", "arccos", "arctan", "infty", "theta", "alpha",
        "beta",
    ]
    private static let unicode: [Character: MathToken.Kind] = [
        "−": .sign("-"), "–": .sign("-"), "×": .command("times"), "·": .command("cdot"), "⋅": .command("cdot"), "÷": .command("div"),
        "√": .command("sqrt"), "π": .command("pi"), "∞": .command("infty"), "≤": .command("le"), "≥": .command("ge"), "≠": .command("ne"),
        "∪": .command("cup"), "∩": .command("cap"), "∈": .command("in"), "±": .command("pm"), "∓": .command("mp"),
        "∅": .command("emptyset"),
        "⟨": .sign("("), "⟩": .sign(")"), "θ": .command("theta"), "α": .command("alpha"), "β": .command("beta"),
    ]
    private static let superscripts: [Character: Character] = [
        "⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7", "⁸": "8", "⁹": "9",
    ]

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
            } else if let digit = Self.superscripts[character] {
                if tokens.last?.kind != .sign("}") || !superscriptGoesOn { emit(.sign("^"), .sign("{")) } else { tokens.removeLast() }
                superscriptGoesOn = true
                emit(.digit(digit), .sign("}"))
                position += 1
                continue
            } else if character == "°" {
                emit(.sign("^"), .command("circ"))
                position += 1
            } else if let kind = Self.unicode[character] {
                emit(kind)
                position += 1
            } else {
                emit(character.isASCII && character.isNumber ? .digit(character) : .sign(character))
                position += 1
            }
            superscriptGoesOn = false
        }
    }

    private var superscriptGoesOn = false

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
            if !uprightLetter() { text() }
        } else if Self.spaces.contains(name) {
            // `\left.` and `\right.` are brackets that are not there.
            if name == "left" || name == "right", position < characters.count, characters[position] == "." { position += 1 }
        } else if Self.fonts.contains(name) {
            return
        } else if name == "langle" || name == "lparen" {
            emit(.sign("("))
        } else if name == "rangle" || name == "rparen" {
            emit(.sign(")"))
        } else {
            let name = Self.aliases[name] ?? name
            if name == "[" || name == "]" || name == ":" { emit(.sign(Character(name))) } else { emit(.command(name)) }
        }
    }

    /// `\mathrm{i}` and `\mathrm{e}` are numbers, not words.
    private mutating func uprightLetter() -> Bool {
        guard position + 2 < characters.count, characters[position] == "{", characters[position + 2] == "}",
            ["i", "e"].contains(characters[position + 1])
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
        } else if word.count >= 3 || ["or", "and"].contains(word.lowercased()) || (tokens.last?.endsNumber ?? false) && Units.isUnit(word) {
            emit(.words(word.lowercased()))
        } else {
            for letter in word { emit(.letter(letter)) }
        }
    }
}
