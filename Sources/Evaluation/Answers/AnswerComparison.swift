/// Whether two answers mean the same. The rules are lenient in what an answer may leave out (a unit, a name before `=`), never in a value.
struct AnswerComparison {
    private var algebra = Algebra()

    /// - Throws: `AlgebraError` when the values cannot be compared within the allowed work.
    static func matches(_ answer: AnswerValue, gold: AnswerValue) throws(AlgebraError) -> Bool {
        var comparison = AnswerComparison()
        return try comparison.matches(answer, gold)
    }

    private mutating func matches(_ answer: AnswerValue, _ gold: AnswerValue) throws(AlgebraError) -> Bool {
        switch (answer, gold) {
        case (.equation(let leftA, let rightA), .equation(let leftB, let rightB)):
            return try equations((leftA, rightA), (leftB, rightB))
        case (.equation(.words, let right), _), (.equation(.notation, let right), _): return try matches(right, gold)
        case (_, .equation(.words, let right)), (_, .equation(.notation, let right)): return try matches(answer, right)
        // `3 + 4 = 7` answers 7; and `x + y = 7` does where a number is asked for.
        case (.equation(let left, let right), _):
            if case .unknowns = left, gold.isPlainNumber { return try matches(right, gold) }
            guard case .scalar = gold, try matches(left, right) else { return false }
            return try matches(right, gold)
        case (.quantity(let inner, let unit), .quantity(let other, let wanted)):
            if unit == wanted { return try matches(inner, other) }
            guard Units.magnitude(unit) != nil || Units.magnitude(wanted) != nil else { return false }
            return try matches(try writtenOut(inner, unit), try writtenOut(other, wanted))
        case (.quantity(let inner, let unit), _): return try matches(inner, gold) ? true : try matchesWrittenOut(inner, unit, gold)
        case (_, .quantity(let inner, let unit)): return try matches(answer, inner) ? true : try matchesWrittenOut(inner, unit, answer)
        case (.percent(let left), .percent(let right)): return try algebra.areEqual(left, right)
        case (.percent(let left), .scalar(let right)), (.scalar(let right), .percent(let left)):
            // 50 % is 0.5; and "what per cent" is answered by 50.
            if try algebra.areEqual(left, right) { return true }
            return try algebra.areEqual(try algebra.divide(left, by: Quotient(Rational(100))), right)
        case (.scalar(let left), .scalar(let right)): return try algebra.areEqual(left, right)
        case (.infinity(let left), .infinity(let right)): return left == right
        case (.based(let left, let leftBase), .based(let right, let rightBase)): return left == right && leftBase == rightBase
        case (.dots, .dots): return true
        case (.unknowns(let left), .unknowns(let right)): return try algebra.areEqual(left, right)
        case (.sequence(let left), .sequence(let right)): return try areEqual(left, right)
        case (.words(let left), .words(let right)): return AnswerText.words(left) == AnswerText.words(right)
        case (.ordered(let opensA, let a, let closesA), .ordered(let opensB, let b, let closesB)):
            return opensA == opensB && closesA == closesB ? try areEqual(a, b) : false
        case (.collection(let a, let isSetA), .collection(let b, let isSetB)):
            return try sameElements(a, b, ignoringRepetitions: isSetA || isSetB)
        case (.collection(let a, isSet: true), _) where a.count == 1: return try matches(a[0], gold)
        case (_, .collection(let b, isSet: true)) where b.count == 1: return try matches(answer, b[0])
        case (.union(let a), .union(let b)): return try sameElements(a, b, ignoringRepetitions: true)
        case (.matrix(let a), .matrix(let b)):
            guard a.count == b.count, a.first?.count == b.first?.count else { return false }
            return try areEqual(a.flatMap(\.self), b.flatMap(\.self))
        // A column is a vector, which is often written in a line.
        case (.ordered(_, let elements, _), .matrix(let rows)), (.matrix(let rows), .ordered(_, let elements, _)):
            return rows.first?.count == 1 && elements.count > 1 ? try areEqual(elements, rows.flatMap(\.self)) : false
        case (.inequality(let left, let a), .inequality(let right, let b)):
            guard left == right, let ratio = try ratio(a, b) else { return false }
            return left == .notEqual || !ratio.isNegative
        default: return false
        }
    }

    /// `3 million` is 3000000; and "how many million" is answered by 3.
    private mutating func writtenOut(_ inner: AnswerValue, _ unit: String) throws(AlgebraError) -> AnswerValue {
        guard let (exponent, rest) = Units.magnitude(unit), case .scalar(let number) = inner else { return .quantity(inner, unit: unit) }
        let value = AnswerValue.scalar(try algebra.multiply(number, try algebra.power(Quotient(Rational(10)), whole: exponent)))
        return rest.isEmpty ? value : .quantity(value, unit: rest)
    }

    private mutating func matchesWrittenOut(_ inner: AnswerValue, _ unit: String, _ other: AnswerValue) throws(AlgebraError) -> Bool {
        guard Units.magnitude(unit) != nil, case .scalar = inner else { return false }
        return try matches(try writtenOut(inner, unit), other)
    }

    private mutating func areEqual(_ left: [AnswerValue], _ right: [AnswerValue]) throws(AlgebraError) -> Bool {
        guard left.count == right.count else { return false }
        for (a, b) in zip(left, right) where !(try matches(a, b)) { return false }
        return true
    }

    private mutating func sameElements(
        _ answer: [AnswerValue], _ gold: [AnswerValue], ignoringRepetitions: Bool
    ) throws(AlgebraError) -> Bool {
        if !ignoringRepetitions, answer.count != gold.count { return false }
        var free = Array(gold.indices)
        var met = Set<Int>()
        for element in answer {
            var found: Int?
            for index in ignoringRepetitions ? Array(gold.indices) : free where try matches(element, gold[index]) {
                found = index
                break
            }
            guard let found else { return false }
            met.insert(found)
            free.removeAll { $0 == found }
        }
        if !ignoringRepetitions { return true }
        for index in gold.indices where !met.contains(index) {
            var isThere = false
            for element in answer where try matches(element, gold[index]) {
                isThere = true
                break
            }
            if !isThere { return false }
        }
        return true
    }

    /// Equations agree when their right sides do under the same name, or when one is a multiple of the other.
    private mutating func equations(
        _ answer: (AnswerValue, AnswerValue), _ gold: (AnswerValue, AnswerValue)
    ) throws(AlgebraError) -> Bool {
        if case .words(let a) = answer.0, case .words(let b) = gold.0, a.caseInsensitivelyEquals(b) || a.count > 1 || b.count > 1 {
            return try matches(answer.1, gold.1)
        }
        switch (answer.0, gold.0) {
        case (.notation(let a), .notation(let b)): return a == b ? try matches(answer.1, gold.1) : false
        case (.notation, .words), (.words, .notation): return try matches(answer.1, gold.1)
        default: break
        }
        guard let a = try difference(answer), let b = try difference(gold) else {
            return try matches(answer.0, gold.0) ? try matches(answer.1, gold.1) : false
        }
        return try ratio(a, b) != nil
    }

    private mutating func difference(_ equation: (AnswerValue, AnswerValue)) throws(AlgebraError) -> Quotient? {
        guard let left = Self.side(equation.0), let right = Self.side(equation.1) else { return nil }
        return try algebra.subtract(left, right)
    }

    private static func side(_ value: AnswerValue) -> Quotient? {
        switch value {
        case .scalar(let value), .unknowns(let value): value
        case .words(let name) where name.count == 1: name == "i" ? Quotient(.imaginary) : .symbol(name)
        default: nil
        }
    }

    /// `left / right` when it is a number other than zero.
    private mutating func ratio(_ left: Quotient, _ right: Quotient) throws(AlgebraError) -> Rational? {
        if left.numerator.isZero || right.numerator.isZero {
            return left.numerator.isZero && right.numerator.isZero ? .one : nil
        }
        return try algebra.divide(left, by: right).rational
    }
}

extension String {
    fileprivate func caseInsensitivelyEquals(_ other: String) -> Bool { lowercased() == other.lowercased() }
}

extension Quotient {
    /// Neither unknowns nor functions of them.
    fileprivate var isPlainNumber: Bool {
        denominator == .one && numerator.terms.keys.allSatisfy { $0.powers.keys.allSatisfy { !$0.isUnknown } }
    }
}

extension Atom {
    fileprivate var isUnknown: Bool {
        switch self {
        case .symbol(let name): !["π", "e", "°"].contains(name)
        case .call(_, let argument): !argument.isPlainNumber
        case .power, .sum, .binomial: true
        case .prime, .imaginary: false
        }
    }
}

extension AnswerValue {
    fileprivate var isPlainNumber: Bool {
        switch self {
        case .scalar(let value), .percent(let value): value.isPlainNumber
        case .quantity(let inner, _): inner.isPlainNumber
        default: false
        }
    }
}
