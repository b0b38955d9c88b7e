/// Reads an answer in LaTeX or plain text. It computes nothing, and knows no meaning of brackets beyond their shape.
struct MathParser {
    let tokens: [MathToken]
    var position = 0
    /// Inside brackets a comma between digits separates elements; outside it can stand between thousands.
    var bracketDepth = 0
    var isInsideBars = false
    /// Whether `12,34,567` is one number rather than three.
    var readsIndianGroups: Bool
    /// Up to here commas stand between elements, whatever the number of digits.
    var separatedUntil = 0
    private var depth = 0
    private static let mostDepth = 40
    /// Divisions, signs `±` or exclamation marks in a row: each puts the tree one level deeper.
    static let mostInARow = 20

    /// - Throws: `AlgebraError.tooLarge` for text too long or nested too deeply, `.unknown` for what is no mathematics.
    static func parse(_ text: String) throws(AlgebraError) -> MathExpression { try parse(try MathLexer.tokens(text)) }

    static func parse(_ tokens: [MathToken], readsIndianGroups: Bool = false) throws(AlgebraError) -> MathExpression {
        var tokens = tokens
        while let last = tokens.last?.kind, idle.contains(last) || last == .command("dots") && endsSentence(tokens) { tokens.removeLast() }
        var parser = MathParser(tokens: tokens, readsIndianGroups: readsIndianGroups)
        let expression = try parser.list()
        guard parser.position == tokens.count else { throw .unknown }
        return expression
    }

    init(tokens: [MathToken], readsIndianGroups: Bool) {
        (self.tokens, self.readsIndianGroups) = (tokens, readsIndianGroups)
    }

    /// What may stand behind an answer.
    private static let idle: Set<MathToken.Kind> = [.sign("."), .sign(","), .sign(";"), .command("newline")]

    /// The dots at the end of `42...` are punctuation, those of `1, 3, 5, ...` and `3.14...` are not.
    private static func endsSentence(_ tokens: [MathToken]) -> Bool {
        let before = tokens.dropLast()
        switch before.last?.kind {
        case .letter, .words, .sign("}"), .sign(")"): return true
        case .digit:
            let integer = before.reversed().drop { if case .digit = $0.kind { true } else { false } }
            return integer.first?.kind != .sign(".")
        default: return false
        }
    }

    // MARK: Tokens

    var next: MathToken.Kind? { position < tokens.count ? tokens[position].kind : nil }

    func peek(_ offset: Int) -> MathToken.Kind? { position + offset < tokens.count ? tokens[position + offset].kind : nil }

    mutating func take(_ kind: MathToken.Kind) -> Bool {
        guard next == kind else { return false }
        position += 1
        return true
    }

    mutating func expect(_ kind: MathToken.Kind) throws(AlgebraError) { if !take(kind) { throw .unknown } }

    mutating func nested<T>(_ parse: (inout MathParser) throws(AlgebraError) -> T) throws(AlgebraError) -> T {
        guard depth < Self.mostDepth else { throw .tooLarge }
        depth += 1
        defer { depth -= 1 }
        return try parse(&self)
    }

    // MARK: Lists and relations

    mutating func list() throws(AlgebraError) -> MathExpression {
        try nested { (parser) throws(AlgebraError) in
            var items = [try parser.relations()]
            while parser.takeSeparator() { items.append(try parser.relations()) }
            return try parser.infix(items.count == 1 ? items[0] : .list(items))
        }
    }

    /// `a \over b` and `n \choose k` divide the whole group that they stand in.
    private mutating func infix(_ above: MathExpression) throws(AlgebraError) -> MathExpression {
        let kind = next
        guard take(.command("over")) || take(.command("choose")) else { return above }
        if case .relations = above { throw .unknown }
        let below = try sum()
        return kind == .command("over") ? .quotient(above, below) : .binomial(above, below)
    }

    static let separators: Set<String> = ["and", "or"]

    private mutating func takeSeparator() -> Bool {
        var found = false
        while let kind = next {
            switch kind {
            case .sign(","), .sign(";"), .command("thousands"): if found { return true }
            case .words(let words) where Self.separators.contains(words): break
            case .command("lor"), .command("vee"): break
            default: return found
            }
            position += 1
            found = true
            // ", and"
            if case .words(let words)? = next, Self.separators.contains(words) { continue }
            return true
        }
        return false
    }

    private var relation: MathExpression.Relation? {
        switch next {
        case .sign("="): .equal
        case .sign("<"), .command("lt"): .less
        case .sign(">"), .command("gt"): .greater
        case .command("le"): .lessOrEqual
        case .command("ge"): .greaterOrEqual
        case .command("ne"): .notEqual
        case .command("in"): .element
        default: nil
        }
    }

    mutating func relations() throws(AlgebraError) -> MathExpression {
        // Dots are an element of their own.
        if take(.command("dots")) { return .dots }
        let first: MathExpression
        if let name = takeNotation() { first = name } else { first = try union() }
        var rest: [(MathExpression.Relation, MathExpression)] = []
        while var relation {
            position += 1
            // `<=` and `>=` of plain text.
            if relation == .less, take(.sign("=")) { relation = .lessOrEqual }
            if relation == .greater, take(.sign("=")) { relation = .greaterOrEqual }
            rest.append((relation, try union()))
        }
        return rest.isEmpty ? first : .relations(first, rest)
    }

    mutating func union() throws(AlgebraError) -> MathExpression {
        var parts = [try sum()]
        while true {
            if take(.command("cup")) {
                parts.append(try sum())
            } else if next == .letter("U"), [.sign("("), .sign("[")].contains(peek(1)) {
                position += 1
                parts.append(try sum())
            } else {
                return parts.count == 1 ? parts[0] : .union(parts)
            }
        }
    }
}
