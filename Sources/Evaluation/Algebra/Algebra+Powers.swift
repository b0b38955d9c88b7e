import BigInt

/// Roots, fractional powers and powers with variable exponents.
extension Algebra {
    mutating func power(_ base: Quotient, _ exponent: Quotient) throws(AlgebraError) -> Quotient {
        if let number = exponent.rational {
            if let whole = number.int { return try power(base, whole: whole) }
            if let value = base.rational, value == .one { return base }
            guard let index = Int(exactly: number.denominator), let count = Int(exactly: number.numerator) else { throw .tooLarge }
            return try power(try root(base, index), whole: count)
        }
        return try symbolicPower(base, exponent)
    }

    /// `b^(c + m + ...)` = `b^c * b^m * ...`, a positive number taken apart into its primes, so that `4^n` meets `2^(2 n)`.
    private mutating func symbolicPower(_ base: Quotient, _ exponent: Quotient) throws(AlgebraError) -> Quotient {
        if base == .one { return base }
        guard exponent.denominator == .one else { return Quotient(.power(base, exponent)) }
        var bases: [(Quotient, Rational)] = []
        if let value = base.rational {
            guard !value.isNegative, !value.isZero else { return Quotient(.power(base, exponent)) }
            for (prime, count) in try factors(of: value) { bases.append((Quotient(prime), Rational(count))) }
        } else if base == .symbol("e") {
            bases = [(base, .one)]
        } else {
            return Quotient(.power(base, exponent))
        }
        var result = Quotient.one
        for (prime, count) in bases {
            for (monomial, coefficient) in exponent.numerator.terms {
                try spend(1)
                let factor: Quotient
                if monomial == .one {
                    factor = try power(prime, Quotient(coefficient * count))
                } else {
                    let atom = Atom.power(prime, Quotient(Polynomial(monomial)))
                    factor = Quotient(Polynomial(Monomial(atom, coefficient * count)))
                }
                result = try multiply(result, factor)
            }
        }
        return result
    }

    /// The real `index`-th root, or `i` times it for a square root of a negative number.
    mutating func root(_ base: Quotient, _ index: Int) throws(AlgebraError) -> Quotient {
        guard (1...1000).contains(index) else { throw .unknown }
        if index == 1 { return base }
        let above = try root(base.numerator, index)
        return base.denominator == .one ? above : try divide(above, by: try root(base.denominator, index))
    }

    private mutating func root(_ base: Polynomial, _ index: Int) throws(AlgebraError) -> Quotient {
        if base.isZero { return .zero }
        if let value = base.rational { return Quotient(try root(value, index)) }
        if let (monomial, coefficient) = base.singleTerm {
            var result = Quotient(try root(coefficient, index))
            for (atom, exponent) in monomial.powers {
                try spend(1)
                let power: Polynomial
                switch atom {
                case .prime: power = Polynomial(Monomial(atom, exponent / Rational(index)))
                // A square root of x^2 is no x where x is negative; pi and e are not.
                case .symbol(let name) where Self.isRoot(exponent, index) || name == "π" || name == "e":
                    power = Polynomial(Monomial(atom, exponent / Rational(index)))
                case .symbol where index == 2 && exponent.isInteger:
                    let half = exponent / Rational(2)
                    power = Polynomial(Monomial(Self.isEven(half.numerator) ? atom : .call("abs", Quotient(atom)), half))
                case .power(let base, _) where base.rational != nil || base == .symbol("e"):
                    power = Polynomial(Monomial(atom, exponent / Rational(index)))
                case .imaginary: throw .unknown
                default: power = Polynomial(Monomial(.sum(Polynomial(Monomial(atom, exponent))), .one / Rational(index)))
                }
                result = try multiply(result, Quotient(power))
            }
            return result
        }
        if index == 2, let simpler = try denested(base) { return simpler }
        let content = Self.content(base)
        var primitive = Polynomial.zero
        for (monomial, coefficient) in base.terms { primitive.add(monomial, coefficient / content) }
        let outside = Quotient(try root(content, index))
        return try multiply(outside, Quotient(Polynomial(Monomial(.sum(primitive), .one / Rational(index)))))
    }

    /// Whether the root of `x^exponent` is `x^(exponent / index)` for every real `x` for which both are defined. For odd indices it is; for
    /// even ones an odd exponent shows that `x` is not negative, as in `sqrt(1/x)`.
    private static func isRoot(_ exponent: Rational, _ index: Int) -> Bool {
        index % 2 == 1 || !isEven(exponent.numerator)
    }

    private static func isEven(_ number: BigInt) -> Bool { number.words.first.map { $0 & 1 == 0 } ?? true }

    private mutating func root(_ value: Rational, _ index: Int) throws(AlgebraError) -> Polynomial {
        if value.isNegative {
            if index == 2 { return try multiply(Polynomial(Monomial(.imaginary)), try root(-value, 2)) }
            guard index % 2 == 1 else { throw .unknown }
            return -(try root(-value, index))
        }
        if let exact = value.exactRoot(index) { return Polynomial(exact) }
        var result = Polynomial.one
        for (prime, count) in try factors(of: value) {
            let exponent = Rational(BigInt(count), BigInt(index))
            let whole = Rational(exponent.floor)
            let rest = exponent - whole
            let term = Polynomial(rest.isZero ? .one : Monomial(.prime(prime), rest), try power(prime, whole))
            result = try multiply(result, term)
        }
        return result
    }

    /// `sqrt(a + b sqrt(c))` as a sum of two roots, where `a^2 - b^2 c` is the square of a fraction.
    private mutating func denested(_ base: Polynomial) throws(AlgebraError) -> Quotient? {
        guard base.terms.count == 2, let whole = base.terms[.one], !whole.isNegative,
            let (monomial, coefficient) = base.terms.first(where: { $0.key != .one })
        else { return nil }
        let surd = Polynomial(monomial, coefficient)
        guard let square = try multiply(surd, surd).rational, !square.isNegative,
            let distance = (whole * whole - square).exactRoot(2)
        else { return nil }
        let half = Rational(1, 2)
        let (first, second) = (try root((whole + distance) * half, 2), try root((whole - distance) * half, 2))
        return Quotient(try add(first, coefficient.isNegative ? -second : second))
    }

    /// The greatest fraction that divides all coefficients into whole numbers without a common factor.
    static func content(_ polynomial: Polynomial) -> Rational {
        var (above, below) = (BigInt(0), BigInt(1))
        for coefficient in polynomial.terms.values {
            above = above.greatestCommonDivisor(with: coefficient.numerator)
            below = below / below.greatestCommonDivisor(with: coefficient.denominator) * coefficient.denominator
        }
        return above.isZero ? .one : Rational(above, below)
    }

    /// Prime factors with their exponents, negative for the denominator. What trial division does not split stands as one factor.
    mutating func factors(of value: Rational) throws(AlgebraError) -> [(prime: Rational, count: Int)] {
        let above = try factors(of: value.numerator.magnitude)
        let below = try factors(of: value.denominator.magnitude)
        return above.map { (Rational(BigInt($0.prime)), $0.count) } + below.map { (Rational(BigInt($0.prime)), -$0.count) }
    }

    private mutating func factors(of value: BigUInt) throws(AlgebraError) -> [(prime: BigUInt, count: Int)] {
        var factors: [(prime: BigUInt, count: Int)] = []
        var rest = value
        var candidate: UInt = 2
        // Past 64 bits each division is long: a few hundred candidates must do.
        while rest > 1 {
            let small = rest.bitWidth <= 64 ? UInt(rest) : nil
            if let small, candidate > small / candidate { break }
            if candidate > (small == nil ? 1000 : 20_000) { break }
            try spend(1)
            var count = 0
            if let small {
                var left = small
                while left % candidate == 0 { (left, count) = (left / candidate, count + 1) }
                if count > 0 { rest = BigUInt(left) }
            } else {
                while true {
                    let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: BigUInt(candidate))
                    guard remainder.isZero, !rest.isZero else { break }
                    (rest, count) = (quotient, count + 1)
                }
            }
            if count > 0 { factors.append((BigUInt(candidate), count)) }
            candidate += candidate == 2 ? 1 : 2
        }
        if rest > 1 {
            if let root = Rational.exactRoot(rest, 2) { factors.append((root, 2)) } else { factors.append((rest, 1)) }
        }
        return factors
    }
}
