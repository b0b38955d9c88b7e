/// Reads an answer in LaTeX or plain text. It computes nothing, and knows no meaning of brackets beyond their shape.
struct MathParser {
    let tokens: [MathToken]
    var position = 0
    /// Inside brackets a comma between digits separates elements; outside it can stand between thousands.
    var bracketDepth = 0
    var isInsideBars = false
    private var depth = 0
    private static let mostDepth = 40
    /// Divisions, signs `±` or exclamation marks in a row: each puts the tree one level deeper.
    static let mostInARow = 20

    /// - Throws: `AlgebraError.tooLarge` for text too long or nested too deeply, `.unknown` for what is no mathematics.
    static func parse(_ text: String) throws(AlgebraError) -> MathExpression { try parse(try MathLexer.tokens(text)) }

    static func parse(_ tokens: [MathToken]) throws(AlgebraError) -> MathExpression {
        var tokens = tokens
        while let last = tokens.last?.kind, last == .sign(".") || last == .sign(",") || last == .sign(";") || last == .command("newline") {
            tokens.removeLast()
        }
        var parser = MathParser(tokens: tokens)
        let expression = try parser.list()
        guard parser.position == tokens.count else { throw .unknown }
        return expression
    }

    private init(tokens: [MathToken]) { self.tokens = tokens }

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
            return items.count == 1 ? items[0] : .list(items)
        }
    }

    private static let separators: Set<String> = ["and", "or"]

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
        let first = try union()
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

    private mutating func union() throws(AlgebraError) -> MathExpression {
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

    // MARK: Sums and products

    mutating func sum() throws(AlgebraError) -> MathExpression {
        var result: MathExpression
        switch next {
        case .sign("-"):
            position += 1
            result = .negative(try product())
        case .sign("+"):
            position += 1
            result = try product()
        case .command("pm"), .command("mp"):
            let isUpper = next == .command("pm")
            position += 1
            result = .plusMinus(nil, try product(), isUpper: isUpper)
        default: result = try product()
        }
        var terms = [result]
        var splits = 0
        while let kind = next {
            switch kind {
            case .sign("+"):
                position += 1
                terms.append(try product())
            case .sign("-"):
                position += 1
                terms.append(.negative(try product()))
            case .command("pm"), .command("mp"):
                position += 1
                splits += 1
                if splits > Self.mostInARow { throw .tooLarge }
                let left: MathExpression = terms.count == 1 ? terms[0] : .sum(terms)
                terms = [.plusMinus(left, try product(), isUpper: kind == .command("pm"))]
            default: return terms.count == 1 ? terms[0] : .sum(terms)
            }
        }
        return terms.count == 1 ? terms[0] : .sum(terms)
    }

    private mutating func product() throws(AlgebraError) -> MathExpression {
        try nested { (parser) throws(AlgebraError) in try parser.flatProduct() }
    }

    private mutating func flatProduct() throws(AlgebraError) -> MathExpression {
        if case .words? = next { return .words(words()) }
        let hasDollar = take(.command("dollar"))
        var divisions = 0
        var result = try signedPower()
        while let kind = next {
            switch kind {
            case .command("cdot"), .command("times"), .sign("*"):
                position += 1
                result = result.times(try signedPower())
            case .sign("/"), .command("div"), .sign(":"):
                position += 1
                divisions += 1
                if divisions > Self.mostInARow { throw .tooLarge }
                result = .quotient(result, try signedPower())
            // A union.
            case .letter("U") where [.sign("("), .sign("[")].contains(peek(1)) && tokens[position - 1].kind.isClosingBracket: return result
            case .words(let words) where Self.separators.contains(words): return result
            case .words("base"):
                position += 1
                result = try based(result)
            case .words:
                result = .quantity(result, unit: unit())
            case .digit:
                // `1 4/5`, or thousands set apart by a space.
                result = try numberAfter(result)
            default:
                guard startsFactor else { return hasDollar ? .quantity(result, unit: "dollar") : result }
                result = try factorAfter(result)
            }
        }
        return hasDollar ? .quantity(result, unit: "dollar") : result
    }

    /// An implicit factor; a fraction of two whole numbers after a whole number is the rest of a mixed number.
    private mutating func factorAfter(_ result: MathExpression) throws(AlgebraError) -> MathExpression {
        let isFraction = next == .command("frac")
        let factor = try power()
        if isFraction, let whole = result.number, whole.isInteger, case .quotient(let above, let below) = factor,
            let (over, under) = above.number.flatMap({ over in below.number.map { (over, $0) } }), over.isInteger, under.isInteger,
            over < under
        {
            return .number(whole + over / under)
        }
        return result.times(factor)
    }

    private mutating func numberAfter(_ result: MathExpression) throws(AlgebraError) -> MathExpression {
        let start = position
        guard let whole = result.number, whole.isInteger, let over = try number().number, over.isInteger else { throw .unknown }
        let digits = position - start
        if take(.sign("/")) {
            guard let under = try number().number, over < under else { throw .unknown }
            return .number(whole + over / under)
        }
        guard digits == 3 else { throw .unknown }
        return .number(whole * Rational(1000) + over)
    }

    private mutating func signedPower() throws(AlgebraError) -> MathExpression {
        if take(.sign("-")) { return .negative(try power()) }
        return try power()
    }

    /// Consecutive words and single letters.
    private mutating func words() -> String {
        var words: [String] = []
        while let kind = next {
            switch kind {
            case .words(let word) where !Self.separators.contains(word): words.append(word)
            case .letter(let letter): words.append(letter.lowercased())
            default: return words.joined(separator: " ")
            }
            position += 1
        }
        return words.joined(separator: " ")
    }

    /// Words after a number, with strokes and exponents between and behind them.
    private mutating func unit() -> String {
        var unit = ""
        while let kind = next {
            switch kind {
            case .words(let word) where !Self.separators.contains(word) && word != "base":
                unit += (unit.isEmpty ? "" : " ") + word
            case .letter(let letter) where unit.hasSuffix("/"): unit += String(letter)
            case .sign("/"): unit += "/"
            case .sign("^"):
                position += 1
                let isGroup = take(.sign("{"))
                guard case .digit(let digit)? = next else { return unit + "^?" }
                unit += "^\(digit)"
                position += 1
                if isGroup, !take(.sign("}")) { return unit + "^?" }
                continue
            default: return unit
            }
            position += 1
        }
        return unit
    }
}

extension MathToken.Kind {
    fileprivate var isClosingBracket: Bool { self == .sign(")") || self == .sign("]") }
}

extension MathExpression {
    /// A product with one factor more; long products stay flat.
    func times(_ factor: MathExpression) -> MathExpression {
        if case .product(let factors) = self { .product(factors + [factor]) } else { .product([self, factor]) }
    }
}
