/// Sums, products, and what stands behind a number: units, currencies, the fraction of a mixed number.
extension MathParser {
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
        let currency = takeCurrency()
        var (divisions, ratios) = (0, 0)
        let groups = readsIndianGroups
        readsIndianGroups = groups || currency != nil
        var result = try signedPower()
        readsIndianGroups = groups
        while let kind = next {
            switch kind {
            case .command("cdot"), .command("times"), .sign("*"):
                position += 1
                result = result.times(try signedPower())
            case .sign("/"), .command("div"), .sign(":"):
                position += 1
                divisions += 1
                // `1 : 2 : 3` is no number.
                if kind == .sign(":") { ratios += 1 }
                if ratios > 1 { throw .unknown }
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
            case .command(let name) where Units.currencies[name] != nil:
                position += 1
                result = .quantity(result, unit: Units.currencies[name] ?? "")
            case .digit:
                // `1 4/5`, or thousands set apart by a space.
                result = try numberAfter(result)
            default:
                guard startsFactor else { return priced(result, currency) }
                result = try factorAfter(result)
            }
        }
        return priced(result, currency)
    }

    private mutating func takeCurrency() -> String? {
        guard case .command(let name)? = next, let currency = Units.currencies[name] else { return nil }
        position += 1
        return currency
    }

    /// `\$5`, and `\$5 million` as one unit.
    private func priced(_ amount: MathExpression, _ currency: String?) -> MathExpression {
        guard let currency else { return amount }
        if case .quantity(let number, let unit) = amount, Units.magnitude(unit) != nil {
            return .quantity(number, unit: unit.hasSuffix(currency) ? unit : unit + " " + currency)
        }
        return .quantity(amount, unit: currency)
    }

    /// An implicit factor; a fraction of two whole numbers after a whole number is the rest of a mixed number.
    private mutating func factorAfter(_ result: MathExpression) throws(AlgebraError) -> MathExpression {
        let isFraction = startsFraction
        let factor = try power()
        if isFraction, let whole = result.number, whole.isInteger, case .quotient(let above, let below) = factor,
            let (over, under) = above.number.flatMap({ over in below.number.map { (over, $0) } }), over.isInteger, under.isInteger,
            over < under
        {
            return .number(whole + over / under)
        }
        return result.times(factor)
    }

    /// `\frac`, in a group too, or a group with `\over` in it.
    private var startsFraction: Bool {
        if next == .command("frac") { return true }
        guard next == .sign("{") else { return false }
        if peek(1) == .command("frac") { return true }
        let group = tokens[position...].prefix { $0.kind != .sign("}") }
        return group.prefix(16).contains { $0.kind == .command("over") }
    }

    private mutating func numberAfter(_ result: MathExpression) throws(AlgebraError) -> MathExpression {
        guard let whole = result.number, whole.isInteger, let over = try number().number, over.isInteger, take(.sign("/")),
            let under = try number().number, over < under
        else { throw .unknown }
        return .number(whole + over / under)
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
