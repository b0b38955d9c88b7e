/// An answer as it is written, before anything is computed.
indirect enum MathExpression: Sendable {
    enum Relation: Equatable, Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, element }

    case number(Rational)
    case symbol(String)
    case infinity
    case sum([MathExpression])
    case negative(MathExpression)
    /// `a ± b`, or `∓`; one side alone is `0 ± b`.
    case plusMinus(MathExpression?, MathExpression, isUpper: Bool)
    case product([MathExpression])
    case quotient(MathExpression, MathExpression)
    case power(MathExpression, MathExpression)
    case root(MathExpression, index: Int)
    case call(String, MathExpression)
    case logarithm(MathExpression, base: MathExpression)
    case factorial(MathExpression)
    case binomial(MathExpression, MathExpression)
    case degrees(MathExpression)
    case percent(MathExpression)
    /// `52_8`
    case based(digits: String, base: Int)
    case quantity(MathExpression, unit: String)
    /// Two or more elements between round or square brackets: a tuple, a point, an interval.
    case bracketed(opensClosed: Bool, [MathExpression], closesClosed: Bool)
    case set([MathExpression])
    /// Separated by commas, `or`, `and`, without brackets.
    case list([MathExpression])
    case union([MathExpression])
    case matrix([[MathExpression]])
    case relations(MathExpression, [(Relation, MathExpression)])
    case words(String)


    var number: Rational? { if case .number(let value) = self { value } else { nil } }
}
