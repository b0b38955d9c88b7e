// What may follow a primary: attributes, subscripts, slices, calls, filters and tests.

extension Parser {
    mutating func parsePostfix(_ start: Expression) throws(JinjaError) -> Expression {
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
