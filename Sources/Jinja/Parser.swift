/// Builds the syntax tree; this file holds the token stream and what expressions and statements share.
struct Parser {
    private let tokens: [Token]
    private var position = 0
    private var depth = 0
    /// Names mentioned in the macro body being parsed, innermost last; tells which implicit variables a macro uses.
    var mentionedNames: [Set<String>] = []
    /// Loops around the current statement, innermost macro last: `break` is legal only inside one.
    var loopDepths = [0]

    init(tokens: [Token]) { self.tokens = tokens }

    mutating func parseTemplate() throws(JinjaError) -> [Statement] {
        try parseBody(until: [])
    }

    // MARK: The token stream

    var current: Token { tokens[position] }
    var next: Token { tokens[min(position + 1, tokens.count - 1)] }

    mutating func advance() { if position + 1 < tokens.count { position += 1 } }

    func isSymbol(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }
    func isName(_ name: String) -> Bool { current.kind == .name(name) }
    func isNextName(_ name: String) -> Bool { next.kind == .name(name) }

    mutating func skip(_ kind: Token.Kind) -> Bool {
        guard current.kind == kind else { return false }
        advance()
        return true
    }

    mutating func skipSymbol(_ symbol: String) -> Bool { skip(.symbol(symbol)) }
    mutating func skipName(_ name: String) -> Bool { skip(.name(name)) }

    mutating func expectSymbol(_ symbol: String) throws(JinjaError) {
        guard skipSymbol(symbol) else { throw fail("expected '\(symbol)', got \(current.display)") }
    }

    mutating func expectName(_ name: String) throws(JinjaError) {
        guard skipName(name) else { throw fail("expected '\(name)', got \(current.display)") }
    }

    mutating func identifier() throws(JinjaError) -> String {
        guard case .name(let name) = current.kind else { throw fail("expected a name, got \(current.display)") }
        advance()
        return name
    }

    func fail(_ message: String) -> JinjaError { .syntax(message, line: current.line) }

    /// What one level of recursion takes from the depth budget; a link of a chain such as `a + b + c` takes 1.
    static let levelCost = 10

    /// Guards the recursion of the parser, and with it the depth of the tree that the interpreter walks.
    mutating func enter(cost: Int = levelCost) throws(JinjaError) {
        depth += cost
        guard depth <= RenderLimits.syntaxDepth * Self.levelCost else {
            throw .limit("the template is nested deeper than \(RenderLimits.syntaxDepth) levels, in line \(current.line)")
        }
    }

    mutating func leave(cost: Int = levelCost) { depth -= cost }

    // MARK: Bodies

    /// Parses statements until a block tag named in `ends`, which is left as the current token (after its `{%`).
    mutating func parseBody(until ends: Set<String>) throws(JinjaError) -> [Statement] {
        try enter()
        defer { leave() }
        var body: [Statement] = []
        while true {
            let line = current.line
            switch current.kind {
            case .text(let text):
                advance()
                body.append(Statement(kind: .text(text), line: line))
            case .variableBegin:
                advance()
                let expression = try parseTuple()
                guard skip(.variableEnd) else { throw fail("expected '}}', got \(current.display)") }
                body.append(Statement(kind: .output(expression), line: line))
            case .blockBegin:
                advance()
                if case .name(let name) = current.kind, ends.contains(name) { return body }
                if let statement = try parseStatement(line: line) { body.append(statement) }
            case .end:
                guard ends.isEmpty else { throw fail("end of template; \(ends.sorted().joined(separator: " or ")) was expected") }
                return body
            default:
                throw fail("unexpected \(current.display)")
            }
        }
    }

    mutating func expectBlockEnd() throws(JinjaError) {
        guard skip(.blockEnd) else { throw fail("expected '%}', got \(current.display)") }
    }
}
