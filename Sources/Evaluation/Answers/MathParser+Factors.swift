/// Numbers, brackets, commands: what products are made of.
extension MathParser {
    private static let constants: [String: String] = ["pi": "π"]
    static let greek: Set<String> = [
        "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa", "lambda", "mu",
        "nu",
        "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Sigma", "Phi",
        "Psi",
        "Omega", "ell",
    ]

    /// Whether what comes next can be a factor without a sign before it.
    var startsFactor: Bool {
        switch next {
        case .digit, .letter, .sign("("), .sign("{"): true
        case .sign("."): if case .digit? = peek(1) { true } else { false }
        case .sign("|"), .command("vert"): !isInsideBars
        case .command(let name):
            ["frac", "sqrt", "binom", "pi", "infty", "lfloor", "lceil"].contains(name) || Self.greek.contains(name)
                || Algebra.functions.contains(name)
        default: false
        }
    }

    /// A factor with what stands behind it: exponents, factorials, per cent, degrees, subscripts.
    mutating func power() throws(AlgebraError) -> MathExpression {
        var result = try factor()
        var count = 0
        while let kind = next {
            count += 1
            if count > Self.mostInARow { throw .tooLarge }
            switch kind {
            case .sign("!"):
                position += 1
                result = .factorial(result)
            case .sign("%"):
                position += 1
                result = .percent(result)
            case .command("degree"):
                position += 1
                result = scale(.degrees(result))
            case .command("deg") where result.number != nil:
                position += 1
                result = .degrees(result)
            case .sign("^"):
                position += 1
                if takeDegreeSign() {
                    result = scale(.degrees(result))
                } else {
                    result = .power(result, try exponent())
                }
            case .sign("*") where peek(1) == .sign("*"):
                position += 2
                result = .power(result, try exponent())
            case .sign("_"):
                position += 1
                result = try subscripted(result)
            default: return result
            }
        }
        return result
    }

    private mutating func takeDegreeSign() -> Bool {
        if take(.command("circ")) || take(.command("degree")) { return true }
        guard next == .sign("{"), peek(1) == .command("circ") || peek(1) == .command("degree"), peek(2) == .sign("}") else { return false }
        position += 3
        return true
    }

    /// `20 °C`: degrees of a scale are no angle.
    private mutating func scale(_ degrees: MathExpression) -> MathExpression {
        guard case .degrees(let number) = degrees else { return degrees }
        let unit: String
        switch next {
        case .letter("C"), .words("c"): unit = "celsius"
        case .letter("F"), .words("f"): unit = "fahrenheit"
        default: return degrees
        }
        position += 1
        return .quantity(number, unit: unit)
    }

    private mutating func exponent() throws(AlgebraError) -> MathExpression {
        try nested { (parser) throws(AlgebraError) in
            if parser.take(.sign("-")) { return .negative(try parser.exponent()) }
            if parser.take(.sign("+")) { return try parser.exponent() }
            if case .digit? = parser.next { return try parser.rightPower(try parser.number()) }
            return try parser.rightPower(try parser.argument())
        }
    }

    /// `9^9^9` is `9^(9^9)`.
    private mutating func rightPower(_ base: MathExpression) throws(AlgebraError) -> MathExpression {
        take(.sign("^")) ? .power(base, try exponent()) : base
    }

    private mutating func subscripted(_ base: MathExpression) throws(AlgebraError) -> MathExpression {
        if case .symbol(let name) = base {
            let start = position
            _ = try argument()
            let label = tokens[start..<position].map { token in
                switch token.kind {
                case .digit(let character), .letter(let character): String(character)
                case .words(let words): words
                default: ""
                }
            }
            return .symbol(name + "_" + label.joined())
        }
        return try based(base)
    }

    private static let numerals = [
        "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
        "sixteen": 16,
    ]

    /// A number with its base, which comes next.
    mutating func based(_ digits: MathExpression) throws(AlgebraError) -> MathExpression {
        let written: MathExpression
        if case .digit? = next { written = try number() } else { written = try argument() }
        let base: Int?
        if case .words(let word) = written { base = Self.numerals[word] } else { base = written.number?.int }
        guard let base, (2...36).contains(base), let value = digits.number, value.isInteger, !value.isNegative else { throw .unknown }
        return .based(digits: String(value.numerator), base: base)
    }

    /// What a TeX command takes: a group in braces, or one digit, letter or command.
    mutating func argument() throws(AlgebraError) -> MathExpression {
        switch next {
        case .sign("{"): return try group(.sign("}"))
        case .digit(let digit):
            position += 1
            return .number(Rational(digit.wholeNumberValue ?? 0))
        case .words(let words):
            position += 1
            return .words(words)
        default: return try factor()
        }
    }

    private mutating func group(_ closing: MathToken.Kind) throws(AlgebraError) -> MathExpression {
        position += 1
        let bars = isInsideBars
        isInsideBars = false
        let content = try list()
        isInsideBars = bars
        try expect(closing)
        return content
    }

    private mutating func factor() throws(AlgebraError) -> MathExpression {
        try nested { (parser) throws(AlgebraError) in try parser.flatFactor() }
    }

    private mutating func flatFactor() throws(AlgebraError) -> MathExpression {
        switch next {
        case .digit, .sign("."): return try number(mayBeSpaced: true)
        case .letter(let letter):
            position += 1
            return .symbol(String(letter))
        case .sign("{"): return try group(.sign("}"))
        case .sign("("), .sign("["): return try brackets()
        case .sign("|"), .command("vert"):
            guard !isInsideBars, let bar = next else { throw .unknown }
            position += 1
            isInsideBars = true
            let content = try sum()
            isInsideBars = false
            try expect(bar)
            return .call("abs", content)
        case .command(let name):
            position += 1
            return try command(name)
        case .words: throw .unknown
        default: throw .unknown
        }
    }

    /// Between round or square brackets, which need not match (half-open intervals). One element in round brackets is just that element.
    private mutating func brackets() throws(AlgebraError) -> MathExpression {
        let opensClosed = next == .sign("[")
        position += 1
        bracketDepth += 1
        let bars = isInsideBars
        isInsideBars = false
        let content = try list()
        isInsideBars = bars
        bracketDepth -= 1
        let closesClosed = next == .sign("]")
        guard take(.sign(")")) || take(.sign("]")) else { throw .unknown }
        if case .list(let elements) = content { return .bracketed(opensClosed: opensClosed, elements, closesClosed: closesClosed) }
        guard opensClosed == closesClosed else { throw .unknown }
        return content
    }

    // MARK: Commands

    private mutating func command(_ name: String) throws(AlgebraError) -> MathExpression {
        switch name {
        case "frac":
            let above = try argument()
            return .quotient(above, try argument())
        case "binom":
            let top = try argument()
            return .binomial(top, try argument())
        case "sqrt": return try root()
        case "infty": return .infinity
        case "emptyset": return .set([])
        case "{":
            if take(.command("}")) { return .set([]) }
            bracketDepth += 1
            let content = try list()
            bracketDepth -= 1
            try expect(.command("}"))
            if case .list(let elements) = content { return .set(elements) }
            return .set([content])
        case "lfloor", "lceil":
            let content = try sum()
            try expect(.command(name == "lfloor" ? "rfloor" : "rceil"))
            return .call(name == "lfloor" ? "floor" : "ceil", content)
        case "begin": return try matrix()
        case _ where Algebra.functions.contains(name): return try function(name)
        default:
            if let constant = Self.constants[name] { return .symbol(constant) }
            guard Self.greek.contains(name) else { throw .unknown }
            return .symbol(name)
        }
    }

    private mutating func root() throws(AlgebraError) -> MathExpression {
        var index = 2
        if take(.sign("[")) {
            guard let given = try number().number?.int, (2...1000).contains(given) else { throw .unknown }
            index = given
            try expect(.sign("]"))
        }
        if case .digit? = next { return .root(try number(), index: index) }
        return .root(try argument(), index: index)
    }

    private mutating func function(_ name: String) throws(AlgebraError) -> MathExpression {
        var base: MathExpression?
        if name == "log", take(.sign("_")) { base = try argument() }
        var exponent: MathExpression?
        if take(.sign("^")) { exponent = try self.exponent() }
        if base == nil, name == "log", take(.sign("_")) { base = try argument() }
        var argument = try power()
        if case .sign(")") = tokens[position - 1].kind {
        } else {
            while case let kind? = next, startsFactor, kind != .sign("(") {
                if case .command(let name) = kind, Algebra.functions.contains(name) { break }
                argument = argument.times(try power())
            }
        }
        var name = name
        if case .negative(let one)? = exponent, one.number == .one, ["sin", "cos", "tan"].contains(name) {
            (name, exponent) = ("arc" + name, nil)
        }
        let call: MathExpression = base.map { .logarithm(argument, base: $0) } ?? .call(name, argument)
        return exponent.map { .power(call, $0) } ?? call
    }

    private static let matrices: Set<String> = ["pmatrix", "bmatrix", "matrix", "smallmatrix", "array"]

    private mutating func matrix() throws(AlgebraError) -> MathExpression {
        guard take(.sign("{")), case .words(let name)? = next, Self.matrices.contains(name) else { throw .unknown }
        position += 1
        try expect(.sign("}"))
        if name == "array", take(.sign("{")) {
            while let kind = next, kind != .sign("}") { position += 1 }
            try expect(.sign("}"))
        }
        var rows: [[MathExpression]] = [[]]
        while true {
            if take(.command("newline")) {
                rows.append([])
            } else if take(.sign("&")) {
                continue
            } else if take(.command("end")) {
                break
            } else {
                bracketDepth += 1
                rows[rows.count - 1].append(try relations())
                bracketDepth -= 1
                guard [.command("newline"), .sign("&"), .command("end")].contains(next) else { throw .unknown }
            }
        }
        guard take(.sign("{")), take(.words(name)), take(.sign("}")) else { throw .unknown }
        rows.removeAll(where: \.isEmpty)
        guard let width = rows.first?.count, rows.allSatisfy({ $0.count == width }) else { throw .unknown }
        return .matrix(rows)
    }
}
