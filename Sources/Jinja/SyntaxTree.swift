/// A statement and the line it starts in.
struct Statement: Sendable {
    indirect enum Kind: Sendable {
        case text(String)
        case output(Expression)
        case conditional(branches: [(condition: Expression, body: [Statement])], otherwise: [Statement])
        case loop(ForLoop)
        case set(AssignmentTarget, Expression)
        case setBlock(AssignmentTarget, filters: [FilterCall], body: [Statement])
        case macro(MacroDefinition)
        /// `{% call(parameters) callee(...) %}`: the body becomes the callee's `caller`.
        case callBlock(caller: MacroDefinition, call: Expression)
        case filterBlock(filters: [FilterCall], body: [Statement])
        case with(assignments: [(target: AssignmentTarget, value: Expression)], body: [Statement])
        case breakLoop
        case continueLoop
    }

    let kind: Kind
    let line: Int
}

struct ForLoop: Sendable {
    let target: AssignmentTarget
    let iterated: Expression
    let filter: Expression?
    let isRecursive: Bool
    let body: [Statement]
    let otherwise: [Statement]
}

struct MacroDefinition: Sendable {
    let name: String
    let parameters: [(name: String, standard: Expression?)]
    let body: [Statement]
    /// Which of the implicit variables the body mentions: only then does the macro accept the arguments behind them.
    let usesVarargs: Bool
    let usesKwargs: Bool
    let usesCaller: Bool
}

indirect enum AssignmentTarget: Sendable {
    case name(String)
    case namespaceAttribute(namespace: String, attribute: String)
    case tuple([AssignmentTarget])
}

struct FilterCall: Sendable {
    let name: String
    let arguments: ArgumentList
}

/// The arguments of a call as written: positional, named, `*rest`, `**rest`.
struct ArgumentList: Sendable {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []
    var unpackedList: Expression?
    var unpackedMapping: Expression?
}

enum UnaryOperator: Sendable { case negate, plus, not }

enum BinaryOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
}

enum ComparisonOperator: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contained = "in"
    case notContained = "not in"
}

indirect enum Expression: Sendable {
    case constant(Value)
    case name(String)
    case list([Expression])
    case tuple([Expression])
    case mapping([(key: Expression, value: Expression)])
    case unary(UnaryOperator, Expression)
    case binary(BinaryOperator, Expression, Expression)
    case concatenation([Expression])
    case and(Expression, Expression)
    case or(Expression, Expression)
    case comparison(Expression, [(operation: ComparisonOperator, operand: Expression)])
    case conditional(condition: Expression, then: Expression, otherwise: Expression?)
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
    case call(Expression, ArgumentList)
    case filter(Expression, FilterCall)
    case test(Expression, FilterCall)
}
