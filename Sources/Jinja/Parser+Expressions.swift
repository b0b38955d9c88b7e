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

    private mutating func parsePrimary() throws(JinjaError) -> Expression {
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

    // MARK: Postfix, filters, tests

    private mutating func parsePostfix(_ start: Expression) throws(JinjaError) -> Expression {
        var node = start
        var links = 0
        defer { leave(cost: links) }
        while true {
            if skipSymbol(".") {
                node = try parseAttribute(of: node)
            } else if isSymbol("[") {
                node = try parseSubscript(of: node)
            } else if isSymbol("(") {
                node = .call(node, try parseArguments())
            } else {
                return node
            }
            links += 1
            try enter(cost: 1)
        }
    }

    mutating func parseFiltersAndTests(_ start: Expression) throws(JinjaError) -> Expression {
        var node = start
        var links = 0
        defer { leave(cost: links) }
        while true {
            if skipSymbol("|") {
                node = .filter(node, try parseFilterCall())
            } else if skipName("is") {
                node = try parseTest(of: node)
            } else if isSymbol("(") {
                node = .call(node, try parseArguments())
            } else {
                return node
            }
            links += 1
            try enter(cost: 1)
        }
    }

    private mutating func parseAttribute(of node: Expression) throws(JinjaError) -> Expression {
        if case .integer(let index) = current.kind {
            advance()
            return .item(node, .constant(.int(index)))
        }
        return .attribute(node, try identifier())
    }

    private mutating func parseSubscript(of node: Expression) throws(JinjaError) -> Expression {
        try expectSymbol("[")
        var parts: [Expression?] = [nil]
        var separators = 0
        while !isSymbol("]"), !isSymbol(",") {
            if skipSymbol(":") {
                separators += 1
                parts.append(nil)
            } else {
                guard parts[separators] == nil else { throw fail("unexpected \(current.display)") }
                parts[separators] = try parseExpression()
            }
        }
        guard separators <= 2 else { throw fail("a slice has at most three parts") }
        if separators > 0 {
            try expectSymbol("]")
            return .slice(node, start: parts[0], stop: parts[1], step: separators == 2 ? parts[2] : nil)
        }
        guard let first = parts[0] else { throw fail("a subscript was expected") }
        var keys = [first]
        while skipSymbol(",") { keys.append(try parseExpression()) }
        try expectSymbol("]")
        return .item(node, keys.count == 1 ? first : .tuple(keys))
    }

    mutating func parseFilterCall() throws(JinjaError) -> FilterCall {
        var name = try identifier()
        while skipSymbol(".") { name += "." + (try identifier()) }
        return FilterCall(name: name, arguments: isSymbol("(") ? try parseArguments() : ArgumentList())
    }

    private mutating func parseTest(of node: Expression) throws(JinjaError) -> Expression {
        let isNegated = skipName("not")
        var name = try identifier()
        while skipSymbol(".") { name += "." + (try identifier()) }
        var arguments = ArgumentList()
        if isSymbol("(") {
            arguments = try parseArguments()
        } else if isTestArgumentStart {
            if isName("is") { throw fail("tests cannot be chained with 'is'") }
            arguments.positional = [try parsePostfix(try parsePrimary())]
        }
        let test = Expression.test(node, FilterCall(name: name, arguments: arguments))
        return isNegated ? .unary(.not, test) : test
    }

    private var isTestArgumentStart: Bool {
        switch current.kind {
        case .name(let name): !["else", "or", "and"].contains(name)
        case .string, .integer, .double, .symbol("["), .symbol("{"): true
        default: false
        }
    }

    mutating func parseArguments() throws(JinjaError) -> ArgumentList {
        try expectSymbol("(")
        var list = ArgumentList()
        var isFirst = true
        while !isSymbol(")") {
            if !isFirst {
                try expectSymbol(",")
                if isSymbol(")") { break }
            }
            isFirst = false
            if skipSymbol("**") {
                guard list.unpackedMapping == nil else { throw fail("only one '**' argument is allowed") }
                list.unpackedMapping = try parseExpression()
            } else if skipSymbol("*") {
                guard list.unpackedList == nil, list.unpackedMapping == nil else { throw fail("only one '*' argument is allowed") }
                list.unpackedList = try parseExpression()
            } else if case .name(let name) = current.kind, next.kind == .symbol("=") {
                guard list.unpackedMapping == nil else { throw fail("a named argument cannot follow '**'") }
                advance()
                advance()
                list.named.append((name, try parseExpression()))
            } else {
                guard list.named.isEmpty, list.unpackedList == nil, list.unpackedMapping == nil else {
                    throw fail("a positional argument cannot follow a named one")
                }
                list.positional.append(try parseExpression())
            }
        }
        try expectSymbol(")")
        return list
    }
}
