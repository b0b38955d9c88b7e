/// What an answer means: exact values in the shape in which they were given.
indirect enum AnswerValue: Sendable {
    case scalar(Quotient)
    case infinity(isNegative: Bool)
    /// A tuple, a point or an interval: order and brackets count.
    case ordered(opensClosed: Bool, [AnswerValue], closesClosed: Bool)
    /// `a, b or c`, `{a, b, c}`: order does not count; in a set neither do repetitions.
    case collection([AnswerValue], isSet: Bool)
    /// A union of two or more sets.
    case union([AnswerValue])
    case matrix([[AnswerValue]])
    /// `left = right`
    case equation(AnswerValue, AnswerValue)
    /// `difference > 0`, or `>= 0`, of more than one variable; `!= 0`.
    case inequality(MathExpression.Relation, Quotient)
    case quantity(AnswerValue, unit: String)
    case percent(Quotient)
    case based(digits: String, base: Int)
    case words(String)
    /// The dots of `1, 2, ..., n`.
    case dots
    /// Elements with dots among them, whose order counts.
    case sequence([AnswerValue])
    /// The left side of an equation that only says what the right side is.
    case notation(String)
    /// The left side of an equation that is made of unknowns alone, as it is written: `x + y`, `a/b`. What it equals is its value, while
    /// `2x = 10` and `x + 1 = 10` are equations to be solved.
    case unknowns(Quotient)
}

extension AnswerValue {
    var isCollection: Bool { if case .collection = self { true } else { false } }

    /// A pair that is no point: a square bracket or an end at infinity shows it.
    var isInterval: Bool {
        guard case .ordered(let opens, let ends, let closes) = self, ends.count == 2 else { return false }
        if opens || closes { return true }
        return ends.contains { if case .infinity = $0 { true } else { false } }
    }
}
