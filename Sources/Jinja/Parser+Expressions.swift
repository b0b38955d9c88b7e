// Expressions, from the loosest operator to the tightest: inline if, or, and, not, comparison, + -, ~, * / // %, **, unary, postfix.

extension Parser {
    mutating func parseExpression(allowConditional: Bool = true) throws(JinjaError) -> Expression {
        try enter()
        defer { leave() }
        return allowConditional ? try parseConditional() : try parseOr()
    }

    private mutating func parseConditional() throws(JinjaError) -> Expression {
        var value = try parseOr()
        var links = 0
        defer { leave(cost: links) }
        while skipName("if") {
            links += 1
            try enter(cost: 1)
            let condition = try parseOr()
            let otherwise: Expression? = skipName("else") ? try parseExpression() : nil
            value = .conditional(condition: condition, then: value, otherwise: otherwise)
        }
        return value
    }

    private mutating func parseOr() throws(JinjaError) -> Expression {
        var left = try parseAnd()
        var links = 0
        defer { leave(cost: links) }
        while skipName("or") {
            links += 1
            try enter(cost: 1)
            left = .or(left, try parseAnd())
        }
        return left
    }

    private mutating func parseAnd() throws(JinjaError) -> Expression {
        var left = try parseNot()
        var links = 0
        defer { leave(cost: links) }
        while skipName("and") {
            links += 1
            try enter(cost: 1)
            left = .and(left, try parseNot())
        }
        return left
    }

    private mutating func parseNot() throws(JinjaError) -> Expression {
        guard isName("not") else { return try parseComparison() }
        advance()
        try enter()
        defer { leave() }
        return .unary(.not, try parseNot())
    }

    private mutating func parseComparison() throws(JinjaError) -> Expression {
        let first = try parseSum()
        var rest: [(operation: ComparisonOperator, operand: Expression)] = []
        while let comparison = takeComparison() { rest.append((comparison, try parseSum())) }
        return rest.isEmpty ? first : .comparison(first, rest)
    }

    private mutating func takeComparison() -> ComparisonOperator? {
        switch current.kind {
        case .symbol(let symbol):
            guard let comparison = ComparisonOperator(rawValue: symbol) else { return nil }
            advance()
            return comparison
        case .name("in"):
            advance()
            return .contained
        case .name("not") where isNextName("in"):
            advance()
            advance()
            return .notContained
        default: return nil
        }
    }

    private mutating func takeOperator(_ operators: [BinaryOperator]) -> BinaryOperator? {
        guard case .symbol(let symbol) = current.kind, let found = BinaryOperator(rawValue: symbol), operators.contains(found) else {
            return nil
        }
        advance()
        return found
    }

    private mutating func parseSum() throws(JinjaError) -> Expression {
        var left = try parseConcatenation()
        var links = 0
        defer { leave(cost: links) }
        while let found = takeOperator([.add, .subtract]) {
            links += 1
            try enter(cost: 1)
            left = .binary(found, left, try parseConcatenation())
        }
        return left
    }

    private mutating func parseConcatenation() throws(JinjaError) -> Expression {
        var parts = [try parseProduct()]
        while skipSymbol("~") { parts.append(try parseProduct()) }
        return parts.count == 1 ? parts[0] : .concatenation(parts)
    }

    private mutating func parseProduct() throws(JinjaError) -> Expression {
        var left = try parsePower()
        var links = 0
        defer { leave(cost: links) }
        while let found = takeOperator([.multiply, .divide, .floorDivide, .remainder]) {
            links += 1
            try enter(cost: 1)
            left = .binary(found, left, try parsePower())
        }
        return left
    }

    private mutating func parsePower() throws(JinjaError) -> Expression {
        var left = try parseUnary()
        var links = 0
        defer { leave(cost: links) }
        while skipSymbol("**") {
            links += 1
            try enter(cost: 1)
            left = .binary(.power, left, try parseUnary())
        }
        return left
    }

    private mutating func parseUnary(withFilters: Bool = true) throws(JinjaError) -> Expression {
        var node: Expression
        if isSymbol("-") || isSymbol("+") {
            let sign: UnaryOperator = isSymbol("-") ? .negate : .plus
            advance()
            try enter()
            defer { leave() }
            node = .unary(sign, try parseUnary(withFilters: false))
        } else {
            node = try parsePrimary()
        }
        node = try parsePostfix(node)
        return withFilters ? try parseFiltersAndTests(node) : node
    }

    // MARK: Primaries

    mutating func parsePrimary() throws(JinjaError) -> Expression {
        switch current.kind {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .constant(.bool(true))
            case "false", "False": return .constant(.bool(false))
            case "none", "None": return .constant(.none)
            default:
                for index in mentionedNames.indices { mentionedNames[index].insert(name) }
                return .name(name)
            }
        case .string(var text):
            advance()
            while case .string(let more) = current.kind {
                text += more
                advance()
            }
            return .constant(.string(text))
        case .integer(let number):
            advance()
            return .constant(.int(number))
        case .double(let number):
            advance()
            return .constant(.double(number))
        case .symbol("("):
            advance()
            let inner = try parseTuple(isParenthesised: true)
            try expectSymbol(")")
            return inner
        case .symbol("["): return try parseList()
        case .symbol("{"): return try parseMapping()
        default: throw fail("unexpected \(current.display)")
        }
    }

    /// One expression, or several separated by commas as a tuple.
    mutating func parseTuple(isParenthesised: Bool = false, allowConditional: Bool = true) throws(JinjaError) -> Expression {
        if isParenthesised, isSymbol(")") { return .tuple([]) }
        var items = [try parseExpression(allowConditional: allowConditional)]
        var isTuple = false
        while skipSymbol(",") {
            isTuple = true
            if isTupleEnd { break }
            items.append(try parseExpression(allowConditional: allowConditional))
        }
        return isTuple ? .tuple(items) : items[0]
    }

    private var isTupleEnd: Bool {
        switch current.kind {
        case .variableEnd, .blockEnd, .symbol(")"), .end: true
        default: false
        }
    }

    private mutating func parseList() throws(JinjaError) -> Expression {
        try expectSymbol("[")
        var items: [Expression] = []
        while !isSymbol("]") {
            if !items.isEmpty { try expectSymbol(",") }
            if isSymbol("]") { break }
            items.append(try parseExpression())
        }
        try expectSymbol("]")
        return .list(items)
    }

    private mutating func parseMapping() throws(JinjaError) -> Expression {
        try expectSymbol("{")
        var pairs: [(key: Expression, value: Expression)] = []
        while !isSymbol("}") {
            if !pairs.isEmpty { try expectSymbol(",") }
            if isSymbol("}") { break }
            let key = try parseExpression()
            try expectSymbol(":")
            pairs.append((key, try parseExpression()))
        }
        try expectSymbol("}")
        return .mapping(pairs)
    }
}
