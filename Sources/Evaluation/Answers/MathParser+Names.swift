/// What stands before an equals sign and is computed from nothing: `\angle ABC`, `f(2)`, `P(A \cap B)`. A left side that is
/// mathematics of its own (`2x`, `y`, `x + 1`) is left to the equation.
extension MathParser {
    private static let mostTokens = 40
    /// Operators over many terms: whatever stands behind them, nobody reads it as an equation to be solved.
    private static let bigOperators: Set<String> = ["sum", "prod", "int", "iint", "oint", "lim", "limsup", "liminf", "bigcup", "bigcap"]
    private static let trigonometry: Set<String> = ["sin", "cos", "tan", "cot", "sec", "csc"]
    /// Letters that mean a function before a bracket, whatever is in it. Of other letters `x(y + 1)` is a product.
    private static let functionLetters: Set<Character> = ["f", "g", "h", "F", "G", "H", "P", "Q", "T"]

    /// The name up to the next equals sign, at which the parser then stands.
    mutating func takeNotation() -> MathExpression? {
        guard let equals = equalsSign() else { return nil }
        let left = Array(tokens[position..<equals])
        guard isNotation(left) else { return nil }
        position = equals
        return .notation(Self.spelling(left))
    }

    /// The place of the next equals sign outside brackets, when nothing else that relates or separates stands before it.
    private func equalsSign() -> Int? {
        var depth = 0
        for index in position..<min(tokens.count, position + Self.mostTokens) {
            switch tokens[index].kind {
            case .sign("("), .sign("["), .sign("{"), .command("{"): depth += 1
            case .sign(")"), .sign("]"), .sign("}"), .command("}"):
                depth -= 1
                if depth < 0 { return nil }
            case .sign("=") where depth == 0: return index > position ? index : nil
            case .sign(","), .sign(";"), .sign("<"), .sign(">"), .sign("&"), .sign("%"), .sign("!"), .command("lt"), .command("gt"),
                .command("le"), .command("ge"), .command("ne"), .command("in"), .command("newline"), .command("thousands"),
                .command("dots"), .command("over"):
                if depth == 0 { return nil }
            case .words(let words) where Self.separators.contains(words) && depth == 0: return nil
            default: break
            }
        }
        return nil
    }

    private func isNotation(_ left: [MathToken]) -> Bool {
        let kinds = left.map(\.kind)
        if case .command(let name)? = kinds.first, Self.bigOperators.contains(name) { return true }
        if kinds.contains(.sign("=")) { return false }
        if Self.isFunctionValue(kinds) || Self.isLength(kinds) || Self.isDerivative(kinds) || Self.isDerived(kinds) { return true }
        guard Self.isOneTerm(kinds) else { return false }
        if case .command(let name)? = kinds.first, Self.trigonometry.contains(name) { return kinds.contains { $0.isVariable } }
        switch kinds.first {
        case .letter, .words, .sign("|"), .sign("["), .sign("#"): break
        case .command(let name) where !["frac", "sqrt", "binom", "begin", "{", "pm", "mp"].contains(name) && Units.currencies[name] == nil:
            break
        default: return false
        }
        return !isComputable(left)
    }

    /// Without a sign of arithmetic outside brackets; products of vectors and sets are names.
    private static func isOneTerm(_ kinds: [MathToken.Kind]) -> Bool {
        var depth = 0
        for kind in kinds {
            switch kind {
            case .sign("("), .sign("["), .sign("{"), .command("{"): depth += 1
            case .sign(")"), .sign("]"), .sign("}"), .command("}"): depth -= 1
            case .sign("+"), .sign("-"), .sign("*"), .sign("/"), .sign(":"), .command("div"), .command("pm"), .command("mp"):
                if depth == 0 { return false }
            default: break
            }
        }
        return true
    }

    private func isComputable(_ left: [MathToken]) -> Bool {
        var trial = MathParser(tokens: left, readsIndianGroups: false)
        trial.isInsideBars = isInsideBars
        guard let expression = try? trial.union(), trial.position == left.count else { return false }
        if case .union = expression { return false }
        return true
    }

    // MARK: Shapes that could be computed and are names all the same

    /// `f(2)`, `f^{-1}(x)`, `\phi(12)`, `P(x, y)`, `a_n(2)`: a letter, perhaps inverted, and brackets to the end.
    private static func isFunctionValue(_ kinds: [MathToken.Kind]) -> Bool {
        guard kinds.count >= 4, kinds.last == .sign(")"), let first = kinds.first, first.isVariable else { return false }
        var rest = kinds.dropFirst()
        let isInverse = rest.starts(with: inverse) || rest.starts(with: [.sign("^"), .sign("-"), .digit("1")])
        if isInverse { rest = rest.dropFirst(rest.starts(with: inverse) ? 5 : 3) }
        guard rest.first == .sign("(") else { return false }
        let content = rest.dropFirst().dropLast()
        var depth = 0
        for kind in content {
            if kind == .sign("(") { depth += 1 }
            if kind == .sign(")") { depth -= 1 }
            if depth < 0 { return false }
        }
        if case .letter(let letter) = first, functionLetters.contains(letter) { return true }
        if isInverse || content.isEmpty { return false }
        if content.allSatisfy(\.isOfNumber) { return true }
        return content.contains(.sign(",")) && !content.contains(first)
    }

    private static let inverse: [MathToken.Kind] = [.sign("^"), .sign("{"), .sign("-"), .digit("1"), .sign("}")]

    /// `|AB|`: capitals between bars are a segment, a set or a determinant.
    private static func isLength(_ kinds: [MathToken.Kind]) -> Bool {
        guard kinds.count >= 3, let bar = kinds.first, bar == .sign("|") || bar == .command("vert"), kinds.last == bar else { return false }
        return kinds.dropFirst().dropLast().allSatisfy {
            switch $0 {
            case .letter(let letter): letter.isUppercase
            case .words(let word): word.count <= 4
            default: false
            }
        }
    }

    /// `\frac{dy}{dx}`, `\frac{\partial f}{\partial x}`
    private static func isDerivative(_ kinds: [MathToken.Kind]) -> Bool {
        guard kinds.count >= 7, kinds[0] == .command("frac"), kinds[1] == .sign("{"), let below = kinds.firstIndex(of: .sign("}")),
            below + 2 < kinds.count, kinds[below + 1] == .sign("{")
        else { return false }
        return kinds[2] == kinds[below + 2] && (kinds[2] == .letter("d") || kinds[2] == .command("partial"))
    }

    /// `A^{-1}`, `A^T` of a matrix; `A^c` of a set.
    private static func isDerived(_ kinds: [MathToken.Kind]) -> Bool {
        guard case .letter(let letter)? = kinds.first, letter.isUppercase else { return false }
        let rest = kinds.dropFirst().filter { $0 != .sign("{") && $0 != .sign("}") }
        return [
            [.sign("^"), .sign("-"), .digit("1")], [.sign("^"), .letter("T")], [.sign("^"), .command("top")], [.sign("^"), .letter("c")],
        ]
        .contains(rest)
    }

    // MARK: Spelling

    private static let ornaments: Set<String> = [
        "overline", "overrightarrow", "overleftrightarrow", "vec", "bar", "hat", "widehat", "tilde", "vert", "Vert", "lVert", "rVert",
        "triangle",
    ]

    /// Names are alike when their letters, digits and operators are.
    private static func spelling(_ left: [MathToken]) -> String {
        left.map { token in
            switch token.kind {
            case .digit(let character), .letter(let character): String(character)
            case .words(let words): words.split(separator: " ").joined()
            case .command(let name): ornaments.contains(name) ? "" : "\\" + name + " "
            case .sign(let character): "{}|[]".contains(character) ? "" : String(character)
            }
        }.joined()
    }
}

extension MathToken.Kind {
    fileprivate var isVariable: Bool {
        switch self {
        case .letter: true
        case .words: true
        case .command(let name): MathParser.greek.contains(name) || name == "angle"
        default: false
        }
    }

    /// A part of a number that is written out.
    fileprivate var isOfNumber: Bool {
        switch self {
        case .digit, .sign("."), .sign("-"), .sign("/"), .sign("{"), .sign("}"), .command("frac"): true
        default: false
        }
    }
}
