// Block tags. A new tag is one case in `parseStatement` and one method.

extension Parser {
    /// Parses the block tag whose `{%` was just taken.
    mutating func parseStatement(line: Int) throws(JinjaError) -> Statement? {
        guard case .name(let tag) = current.kind else { throw fail("a tag name was expected, got \(current.display)") }
        let kind: Statement.Kind
        switch tag {
        case "if": kind = try parseIf()
        case "for": kind = try parseFor()
        case "set": kind = try parseSet()
        case "macro": kind = try parseMacro()
        case "call": kind = try parseCall()
        case "filter": kind = try parseFilterBlock()
        case "with": kind = try parseWith()
        case "generation": kind = try parseGeneration()
        case "break", "continue":
            guard loopDepths.last! > 0 else { throw fail("'\(tag)' outside of a loop") }
            advance()
            try expectBlockEnd()
            kind = tag == "break" ? .breakLoop : .continueLoop
        default: throw fail("unknown tag '\(tag)'")
        }
        return Statement(kind: kind, line: line)
    }

    /// Takes the closing tag `name` and its `%}`.
    private mutating func close(_ name: String) throws(JinjaError) {
        try expectName(name)
        try expectBlockEnd()
    }

    private mutating func parseIf() throws(JinjaError) -> Statement.Kind {
        var branches: [(condition: Expression, body: [Statement])] = []
        repeat {
            advance()
            let condition = try parseTuple(allowConditional: false)
            try expectBlockEnd()
            branches.append((condition, try parseBody(until: ["elif", "else", "endif"])))
        } while isName("elif")
        var otherwise: [Statement] = []
        if skipName("else") {
            try expectBlockEnd()
            otherwise = try parseBody(until: ["endif"])
        }
        try close("endif")
        return .conditional(branches: branches, otherwise: otherwise)
    }

    private mutating func parseFor() throws(JinjaError) -> Statement.Kind {
        advance()
        if isName("loop") { throw fail("cannot assign to the special loop variable in a for loop") }
        let target = try parseTarget(allowsAttribute: false)
        try expectName("in")
        let iterated = try parseTuple(allowConditional: false)
        let filter: Expression? = skipName("if") ? try parseExpression() : nil
        let isRecursive = skipName("recursive")
        try expectBlockEnd()
        loopDepths[loopDepths.count - 1] += 1
        let body = try parseBody(until: ["endfor", "else"])
        loopDepths[loopDepths.count - 1] -= 1
        var otherwise: [Statement] = []
        if skipName("else") {
            try expectBlockEnd()
            otherwise = try parseBody(until: ["endfor"])
        }
        try close("endfor")
        return .loop(
            ForLoop(target: target, iterated: iterated, filter: filter, isRecursive: isRecursive, body: body, otherwise: otherwise))
    }

    private mutating func parseTarget(allowsAttribute: Bool) throws(JinjaError) -> AssignmentTarget {
        try enter()
        defer { leave() }
        var parts: [AssignmentTarget] = []
        var isTuple = false
        while true {
            if skipSymbol("(") {
                parts.append(try parseTarget(allowsAttribute: allowsAttribute))
                try expectSymbol(")")
            } else {
                parts.append(try parseTargetName(allowsAttribute: allowsAttribute))
            }
            guard skipSymbol(",") else { break }
            isTuple = true
            guard case .name(let name) = current.kind, name != "in" else { if isSymbol("(") { continue } else { break } }
        }
        return isTuple ? .tuple(parts) : parts[0]
    }

    private mutating func parseTargetName(allowsAttribute: Bool) throws(JinjaError) -> AssignmentTarget {
        let name = try identifier()
        if allowsAttribute, skipSymbol(".") {
            return .namespaceAttribute(namespace: name, attribute: try identifier())
        }
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else { throw fail("cannot assign to '\(name)'") }
        return .name(name)
    }

    private mutating func parseSet() throws(JinjaError) -> Statement.Kind {
        advance()
        let target = try parseTarget(allowsAttribute: true)
        if skipSymbol("=") {
            let value = try parseTuple()
            try expectBlockEnd()
            return .set(target, value)
        }
        let filters = try parseFilterChain()
        try expectBlockEnd()
        let body = try parseBody(until: ["endset"])
        try close("endset")
        return .setBlock(target, filters: filters, body: body)
    }

    private mutating func parseFilterChain() throws(JinjaError) -> [FilterCall] {
        var filters: [FilterCall] = []
        while skipSymbol("|") { filters.append(try parseFilterCall()) }
        return filters
    }

    private mutating func parseMacro() throws(JinjaError) -> Statement.Kind {
        advance()
        let name = try identifier()
        let parameters = try parseParameters()
        return .macro(try parseMacroBody(name: name, parameters: parameters, end: "endmacro"))
    }

    private mutating func parseParameters() throws(JinjaError) -> [(name: String, standard: Expression?)] {
        try expectSymbol("(")
        var parameters: [(name: String, standard: Expression?)] = []
        while !isSymbol(")") {
            if !parameters.isEmpty { try expectSymbol(",") }
            let name = try identifier()
            if skipSymbol("=") {
                parameters.append((name, try parseExpression()))
            } else {
                if let last = parameters.last, last.standard != nil { throw fail("a parameter without default follows one with a default") }
                parameters.append((name, nil))
            }
        }
        try expectSymbol(")")
        return parameters
    }

    private mutating func parseMacroBody(
        name: String, parameters: [(name: String, standard: Expression?)], end: String
    ) throws(JinjaError) -> MacroDefinition {
        try expectBlockEnd()
        mentionedNames.append([])
        loopDepths.append(0)
        let body = try parseBody(until: [end])
        loopDepths.removeLast()
        let mentioned = mentionedNames.removeLast()
        try close(end)
        return MacroDefinition(
            name: name, parameters: parameters, body: body, usesVarargs: mentioned.contains("varargs"),
            usesKwargs: mentioned.contains("kwargs"), usesCaller: mentioned.contains("caller"))
    }

    private mutating func parseCall() throws(JinjaError) -> Statement.Kind {
        advance()
        let parameters = isSymbol("(") ? try parseParameters() : []
        let call = try parseExpression()
        guard case .call = call else { throw fail("a call was expected") }
        return .callBlock(caller: try parseMacroBody(name: "caller", parameters: parameters, end: "endcall"), call: call)
    }

    private mutating func parseFilterBlock() throws(JinjaError) -> Statement.Kind {
        advance()
        let filters = [try parseFilterCall()] + (try parseFilterChain())
        try expectBlockEnd()
        let body = try parseBody(until: ["endfilter"])
        try close("endfilter")
        return .filterBlock(filters: filters, body: body)
    }

    private mutating func parseWith() throws(JinjaError) -> Statement.Kind {
        advance()
        var assignments: [(target: AssignmentTarget, value: Expression)] = []
        while current.kind != .blockEnd {
            if !assignments.isEmpty { try expectSymbol(",") }
            let target = AssignmentTarget.name(try identifier())
            try expectSymbol("=")
            assignments.append((target, try parseExpression()))
        }
        try expectBlockEnd()
        let body = try parseBody(until: ["endwith"])
        try close("endwith")
        return .with(assignments: assignments, body: body)
    }

    /// `{% generation %}` marks the assistant's text for training masks; rendered, it is only a scope.
    private mutating func parseGeneration() throws(JinjaError) -> Statement.Kind {
        advance()
        try expectBlockEnd()
        let body = try parseBody(until: ["endgeneration"])
        try close("endgeneration")
        return .with(assignments: [], body: body)
    }
}
