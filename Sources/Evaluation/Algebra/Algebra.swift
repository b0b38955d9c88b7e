import BigInt

/// Why an answer has no exact value here.
enum AlgebraError: Error, Equatable {
    /// It would take more work, digits or terms than a grader may spend.
    case tooLarge
    /// Division by zero, the logarithm of zero and the like.
    case undefined
    /// No rule for it.
    case unknown
}

/// Exact arithmetic on quotients of polynomials whose variables are symbols, roots, functions and the imaginary unit.
///
/// Every rule is an identity (for real values of the symbols, roots of positive ones), so what comes out equal is equal; what cannot be
/// simplified far enough may be equal and not be found so. Work is counted, and ends in `AlgebraError.tooLarge`.
struct Algebra {
    private var work: Int
    private static let mostTerms = 600
    private static let mostBits = 1 << 15
    private static let mostExponent = 64

    /// - Parameter work: elementary steps allowed.
    init(work: Int = 60_000) { self.work = work }

    mutating func spend(_ steps: Int) throws(AlgebraError) {
        work -= steps
        if work < 0 { throw .tooLarge }
    }

    // MARK: Quotients

    mutating func areEqual(_ left: Quotient, _ right: Quotient) throws(AlgebraError) -> Bool {
        if left == right { return true }
        let difference = try subtract(left, right).numerator
        if difference.isZero { return true }
        return try areRootsEqual(difference)
    }

    mutating func add(_ left: Quotient, _ right: Quotient) throws(AlgebraError) -> Quotient {
        if left.denominator == right.denominator {
            return try reduced(try add(left.numerator, right.numerator), over: left.denominator)
        }
        let numerator = try add(try multiply(left.numerator, right.denominator), try multiply(right.numerator, left.denominator))
        return try reduced(numerator, over: try multiply(left.denominator, right.denominator))
    }

    mutating func subtract(_ left: Quotient, _ right: Quotient) throws(AlgebraError) -> Quotient { try add(left, -right) }

    mutating func multiply(_ left: Quotient, _ right: Quotient) throws(AlgebraError) -> Quotient {
        try reduced(try multiply(left.numerator, right.numerator), over: try multiply(left.denominator, right.denominator))
    }

    mutating func divide(_ left: Quotient, by right: Quotient) throws(AlgebraError) -> Quotient {
        try reduced(try multiply(left.numerator, right.denominator), over: try multiply(left.denominator, right.numerator))
    }

    /// Moves a denominator of one term into the numerator as far as its atoms allow negative exponents, and cancels proportional parts.
    mutating func reduced(_ numerator: Polynomial, over denominator: Polynomial) throws(AlgebraError) -> Quotient {
        if denominator.isZero { throw .undefined }
        if numerator.isZero { return .zero }
        if denominator == .one { return Quotient(numerator) }
        if let ratio = Self.ratio(numerator, denominator) { return Quotient(ratio) }
        guard let (monomial, coefficient) = denominator.singleTerm else { return Quotient(numerator, over: denominator) }
        // 1/(c m) = m' / (c k) with no root and no imaginary unit left below.
        var factor = Polynomial(.one / coefficient)
        var below = Monomial.one
        var sums = Polynomial.one
        for (atom, exponent) in monomial.powers {
            switch atom {
            case .prime(let prime): factor = try multiply(factor, Polynomial(Monomial(atom, .one - exponent), .one / prime))
            case .imaginary: factor = try multiply(factor, Polynomial(Monomial(atom), Rational(-1)))
            case .symbol, .power: factor = try multiply(factor, Polynomial(Monomial(atom, -exponent)))
            case .sum(let sum):
                factor = try multiply(factor, Polynomial(Monomial(atom, .one - exponent)))
                sums = try multiply(sums, sum)
            case .call, .binomial: below.powers[atom] = exponent
            }
        }
        let above = try multiply(numerator, factor)
        if below == .one, sums == .one { return Quotient(above) }
        return Quotient(above, over: try multiply(Polynomial(below), sums))
    }

    /// `left / right` when that is a number.
    static func ratio(_ left: Polynomial, _ right: Polynomial) -> Rational? {
        guard left.terms.count == right.terms.count, let (monomial, coefficient) = right.terms.first, let over = left.terms[monomial]
        else { return nil }
        let ratio = over / coefficient
        return right.terms.allSatisfy { left.terms[$0.key] == $0.value * ratio } ? ratio : nil
    }

    // MARK: Polynomials

    mutating func add(_ left: Polynomial, _ right: Polynomial) throws(AlgebraError) -> Polynomial {
        var result = left
        try spend(right.terms.count)
        for (monomial, coefficient) in right.terms { result.add(monomial, coefficient) }
        try check(result)
        return result
    }

    mutating func multiply(_ left: Polynomial, _ right: Polynomial) throws(AlgebraError) -> Polynomial {
        if left == .one { return right }
        if right == .one { return left }
        var result = Polynomial.zero
        for (first, firstCoefficient) in left.terms {
            for (second, secondCoefficient) in right.terms {
                let coefficient = firstCoefficient * secondCoefficient
                try spend(2 + first.powers.count + second.powers.count + coefficient.bits / 512)
                let product = try multiply(first, second)
                for (monomial, factor) in product.terms { result.add(monomial, factor * coefficient) }
                if result.terms.count > Self.mostTerms { throw .tooLarge }
            }
        }
        try check(result)
        return result
    }

    private func check(_ polynomial: Polynomial) throws(AlgebraError) {
        if polynomial.terms.count > Self.mostTerms { throw .tooLarge }
        for coefficient in polynomial.terms.values where coefficient.bits > Self.mostBits { throw .tooLarge }
    }

    /// A product of two monomials. It can be a sum: `sin^2 = 1 - cos^2`, and a sum under a root that meets itself comes out of it.
    private mutating func multiply(_ left: Monomial, _ right: Monomial) throws(AlgebraError) -> Polynomial {
        if right.powers.isEmpty { return Polynomial(left) }
        if left.powers.isEmpty { return Polynomial(right) }
        var merged = left
        for (atom, exponent) in right.powers {
            let sum = (merged.powers[atom] ?? .zero) + exponent
            merged.powers[atom] = sum.isZero ? nil : sum
        }
        var coefficient = Rational.one
        var factors: [Polynomial] = []
        for (atom, exponent) in merged.powers {
            switch atom {
            case .prime(let prime):
                let whole = exponent.floor
                guard !whole.isZero else { continue }
                coefficient = coefficient * (try power(prime, Rational(whole)))
                let rest = exponent - Rational(whole)
                merged.powers[atom] = rest.isZero ? nil : rest
            case .imaginary:
                // Both exponents were 1.
                merged.powers[atom] = nil
                if exponent == Rational(2) { coefficient = -coefficient } else { merged.powers[atom] = .one }
            case .sum(let sum):
                guard !(exponent < .one) else { continue }
                let rest = exponent - .one
                merged.powers[atom] = rest.isZero ? nil : rest
                factors.append(sum)
            case .call("sin", let argument):
                guard let count = exponent.int, count >= 2 else { continue }
                merged.powers[atom] = count % 2 == 0 ? nil : .one
                var cosine = Polynomial.one
                cosine.add(Monomial(.call("cos", argument), Rational(2)), Rational(-1))
                for _ in 0..<count / 2 { factors.append(cosine) }
            default:
                if let whole = exponent.int, abs(whole) > 1 << 20 { throw .tooLarge }
            }
        }
        var result = Polynomial(merged, coefficient)
        for factor in factors { result = try multiply(result, factor) }
        return result
    }

    // MARK: Whole powers

    /// - Parameter exponent: whole.
    mutating func power(_ base: Rational, _ exponent: Rational) throws(AlgebraError) -> Rational {
        guard let count = exponent.int else {
            if base == .one || base.isZero && !exponent.isNegative { return base }
            throw .tooLarge
        }
        if base.isZero {
            if count <= 0 { throw .undefined }
            return base
        }
        if base.magnitude == .one { return count % 2 == 0 ? .one : base }
        guard count.magnitude <= UInt(Self.mostBits), base.bits * Int(count.magnitude) <= 2 * Self.mostBits else { throw .tooLarge }
        try spend(base.bits * Int(count.magnitude) / 64)
        let (above, below) = (base.numerator.power(Int(count.magnitude)), base.denominator.power(Int(count.magnitude)))
        return count < 0 ? Rational(below, above) : Rational(above, below)
    }

    mutating func power(_ base: Quotient, whole count: Int) throws(AlgebraError) -> Quotient {
        if let value = base.rational { return Quotient(try power(value, Rational(count))) }
        if count < 0 { return try divide(.one, by: try power(base, whole: -count)) }
        guard count <= Self.mostExponent || (base.numerator.terms.count == 1 && base.denominator.terms.count == 1 && count <= 10_000)
        else { throw .tooLarge }
        return try reduced(try power(base.numerator, count), over: try power(base.denominator, count))
    }

    private mutating func power(_ base: Polynomial, _ count: Int) throws(AlgebraError) -> Polynomial {
        var result = Polynomial.one
        var square = base
        var rest = count
        while rest > 0 {
            if rest & 1 == 1 { result = try multiply(result, square) }
            rest >>= 1
            if rest > 0 { square = try multiply(square, square) }
        }
        return result
    }
}
