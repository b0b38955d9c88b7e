/// Computes what an expression means.
struct AnswerEvaluator {
    var algebra = Algebra()
    private var takesUpperSign = true

    static func value(_ expression: MathExpression) throws(AlgebraError) -> AnswerValue {
        var evaluator = AnswerEvaluator()
        return try evaluator.value(expression)
    }

    private mutating func value(_ expression: MathExpression) throws(AlgebraError) -> AnswerValue {
        switch expression {
        case .infinity: return .infinity(isNegative: false)
        case .negative(.infinity): return .infinity(isNegative: true)
        case .sum(let terms) where terms.count == 1: return try value(terms[0])
        case .words(let words): return .words(words)
        case .dots: return .dots
        case .notation(let name): return .notation(name)
        case .based(let digits, let base): return .based(digits: digits, base: base)
        case .percent(let inner): return .percent(try scalar(inner))
        case .negative(.percent(let inner)): return .percent(-(try scalar(inner)))
        case .degrees(let inner): return .quantity(.scalar(try scalar(inner)), unit: "degree")
        case .negative(.degrees(let inner)): return .quantity(.scalar(-(try scalar(inner))), unit: "degree")
        case .negative(.quantity(let inner, let unit)): return try value(.quantity(.negative(inner), unit: unit))
        case .quantity(let inner, let unit): return try quantity(inner, unit)
        case .bracketed(let opens, let elements, let closes):
            let values = try self.values(elements)
            if opens, closes, let matrix = Self.matrix(values) { return matrix }
            return .ordered(opensClosed: opens, values, closesClosed: closes)
        case .set(let elements):
            let values = Self.flattened(try values(elements))
            return elements.contains(where: \.isDots) ? .sequence(values) : .collection(values, isSet: true)
        case .list(let elements):
            let values = Self.flattened(try values(elements))
            if elements.contains(where: \.isDots) { return .sequence(values) }
            if elements.allSatisfy(Self.isInequality), values.allSatisfy(\.isInterval) { return .union(values) }
            return .collection(values, isSet: false)
        case .union(let parts):
            return .union(
                try values(parts).flatMap { (value) -> [AnswerValue] in if case .union(let inner) = value { inner } else { [value] } })
        case .matrix(let rows):
            var values: [[AnswerValue]] = []
            for row in rows { values.append(try self.values(row)) }
            return .matrix(values)
        case .relations(let first, let rest): return try relations(first, rest)
        default: return try signs(expression)
        }
    }

    private mutating func values(_ expressions: [MathExpression]) throws(AlgebraError) -> [AnswerValue] {
        var values: [AnswerValue] = []
        for expression in expressions { values.append(try value(expression)) }
        return values
    }

    /// `a ± b` is both values; several signs in one expression go together.
    private mutating func signs(_ expression: MathExpression) throws(AlgebraError) -> AnswerValue {
        guard expression.hasPlusMinus else { return .scalar(try scalar(expression)) }
        takesUpperSign = true
        let upper = try scalar(expression)
        takesUpperSign = false
        let lower = try scalar(expression)
        takesUpperSign = true
        return .collection([.scalar(upper), .scalar(lower)], isSet: false)
    }

    private mutating func quantity(_ inner: MathExpression, _ unit: String) throws(AlgebraError) -> AnswerValue {
        let unit = Units.normalised(unit)
        let value = try self.value(inner)
        if unit == "percent", case .scalar(let number) = value { return .percent(number) }
        return unit.isEmpty ? value : .quantity(value, unit: unit)
    }

    /// A list in a list, as `{1 ± 2, 3}` makes one, is one list.
    private static func flattened(_ values: [AnswerValue]) -> [AnswerValue] {
        values.flatMap { value -> [AnswerValue] in if case .collection(let inner, isSet: false) = value { inner } else { [value] } }
    }

    /// `[[1, 2], [3, 4]]`
    private static func matrix(_ values: [AnswerValue]) -> AnswerValue? {
        var rows: [[AnswerValue]] = []
        for value in values {
            guard case .ordered(true, let row, true) = value, row.count == rows.first?.count ?? row.count else { return nil }
            rows.append(row)
        }
        return .matrix(rows)
    }

    // MARK: Relations

    private static func isInequality(_ expression: MathExpression) -> Bool {
        guard case .relations(_, let rest) = expression else { return false }
        return rest.allSatisfy { ![.equal, .notEqual, .element].contains($0.0) }
    }

    private mutating func relations(
        _ first: MathExpression, _ rest: [(MathExpression.Relation, MathExpression)]
    ) throws(AlgebraError) -> AnswerValue {
        let (relation, second) = rest[0]
        if rest.count == 1 {
            switch relation {
            case .element: return try value(second)
            case .equal:
                // `x = 1 ± 2` and `x = 1, 2` name values; `f(x) = ...` has a name on its left.
                return .equation(try leftSide(first), try value(second))
            case .notEqual: return .inequality(.notEqual, try algebra.subtract(try scalar(first), try scalar(second)))
            default:
                if let interval = try interval(first, relation, second) { return interval }
                let isGreater = relation == .greater || relation == .greaterOrEqual
                let (left, right) = (try scalar(first), try scalar(second))
                let difference = try isGreater ? algebra.subtract(left, right) : algebra.subtract(right, left)
                return .inequality(relation == .less || relation == .greater ? .greater : .greaterOrEqual, difference)
            }
        }
        if rest.allSatisfy({ $0.0 == .equal }) {
            // `x = 2 + 3 = 5`: the last is the answer.
            return .equation(try leftSide(first), try value(rest[rest.count - 1].1))
        }
        // `a < x <= b`
        guard rest.count == 2, case .symbol = second, let low = try interval(second, relation.mirrored, first),
            let high = try interval(second, rest[1].0, rest[1].1),
            case .ordered(let lowOpens, let lows, let lowCloses) = low, case .ordered(let highOpens, let highs, let highCloses) = high
        else { throw .unknown }
        switch (lows[0], highs[0]) {
        case (.infinity, .infinity): throw .unknown
        case (.infinity, _): return .ordered(opensClosed: highOpens, [highs[0], lows[1]], closesClosed: lowCloses)
        default: return .ordered(opensClosed: lowOpens, [lows[0], highs[1]], closesClosed: highCloses)
        }
    }

    private mutating func leftSide(_ expression: MathExpression) throws(AlgebraError) -> AnswerValue {
        if let name = expression.name { return .words(name) }
        return expression.isOfUnknowns ? .unknowns(try scalar(expression)) : try value(expression)
    }

    /// The numbers that a variable may be.
    private mutating func interval(
        _ first: MathExpression, _ relation: MathExpression.Relation, _ second: MathExpression
    ) throws(AlgebraError) -> AnswerValue? {
        guard case .symbol(let name) = first, name != "π", name != "e", name != "i" else {
            guard case .symbol(let name) = second, name != "π", name != "e", name != "i" else { return nil }
            return try interval(second, relation.mirrored, first)
        }
        if case .symbol = second { return nil }
        let bound = try value(second)
        switch relation {
        case .less, .lessOrEqual:
            return .ordered(opensClosed: false, [.infinity(isNegative: true), bound], closesClosed: relation == .lessOrEqual)
        case .greater, .greaterOrEqual:
            return .ordered(opensClosed: relation == .greaterOrEqual, [bound, .infinity(isNegative: false)], closesClosed: false)
        default: return nil
        }
    }

    // MARK: Numbers

    private mutating func scalar(_ expression: MathExpression) throws(AlgebraError) -> Quotient {
        try algebra.spend(1)
        switch expression {
        case .number(let value): return Quotient(value)
        case .symbol("i"): return Quotient(.imaginary)
        case .symbol(let name): return .symbol(name)
        case .sum(let terms):
            var result = Quotient.zero
            for term in terms { result = try algebra.add(result, try scalar(term)) }
            return result
        case .negative(let inner): return -(try scalar(inner))
        case .plusMinus(let left, let right, let isUpper):
            let first = try left.map { (left) throws(AlgebraError) in try scalar(left) } ?? .zero
            let second = try scalar(right)
            return isUpper == takesUpperSign ? try algebra.add(first, second) : try algebra.subtract(first, second)
        case .product(let factors):
            var result = Quotient.one
            for factor in factors { result = try algebra.multiply(result, try scalar(factor)) }
            return result
        case .quotient(let above, let below): return try algebra.divide(try scalar(above), by: try scalar(below))
        case .power(let base, let exponent): return try algebra.power(try scalar(base), try scalar(exponent))
        case .root(let inner, let index): return try algebra.root(try scalar(inner), index)
        case .call(let name, let inner): return try algebra.call(name, try scalar(inner))
        case .logarithm(let inner, let base): return try algebra.logarithm(try scalar(inner), base: try scalar(base))
        case .factorial(let inner): return try algebra.factorial(try scalar(inner))
        case .binomial(let top, let bottom): return try algebra.binomial(try scalar(top), try scalar(bottom))
        case .degrees(let inner): return try algebra.multiply(try scalar(inner), .symbol("°"))
        case .percent(let inner): return try algebra.divide(try scalar(inner), by: Quotient(Rational(100)))
        default: throw .unknown
        }
    }
}
