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
    /// `\ldots` between elements.
    case dots
    /// What a quantity is called that cannot be computed from what is written: `\angle ABC`, `f(2)`, `P(A \cap B)`.
    case notation(String)

    var number: Rational? { if case .number(let value) = self { value } else { nil } }
}

extension MathExpression.Relation {
    /// The relation seen from the other side.
    var mirrored: Self {
        switch self {
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        default: self
        }
    }
}

extension MathExpression {
    var hasPlusMinus: Bool {
        switch self {
        case .plusMinus: true
        case .sum(let parts), .product(let parts): parts.contains(where: \.hasPlusMinus)
        case .negative(let inner), .root(let inner, _), .call(_, let inner), .factorial(let inner), .degrees(let inner),
            .percent(let inner):
            inner.hasPlusMinus
        case .quotient(let a, let b), .power(let a, let b), .binomial(let a, let b), .logarithm(let a, let b):
            a.hasPlusMinus || b.hasPlusMinus
        default: false
        }
    }

    /// A variable, a function of one, or words: what an answer can be called.
    var name: String? {
        switch self {
        case .symbol(let name): name
        case .words(let words): words
        case .product(let parts) where parts.count == 2:
            if case .symbol(let function) = parts[0], case .symbol(let argument) = parts[1] { "\(function)(\(argument))" } else { nil }
        case .bracketed(_, let parts, _):
            parts.allSatisfy(\.isName) ? "(" + parts.compactMap(\.name).joined(separator: ", ") + ")" : nil
        default: nil
        }
    }

    /// Sums, products and quotients of variables, without a number among them.
    var isOfUnknowns: Bool {
        switch self {
        case .symbol(let name): !["π", "e", "i"].contains(name)
        case .sum(let terms):
            terms.first?.isOfUnknowns ?? false && terms.allSatisfy { $0.isOfUnknowns || $0.negated?.isOfUnknowns ?? false }
        case .product(let parts): parts.allSatisfy(\.isOfUnknowns)
        case .quotient(let above, let below): above.isOfUnknowns && below.isOfUnknowns
        case .call("abs", let inner): inner.isOfUnknowns
        default: false
        }
    }

    private var negated: MathExpression? { if case .negative(let inner) = self { inner } else { nil } }

    var isDots: Bool { if case .dots = self { true } else { false } }

    var isName: Bool { name != nil }
}
