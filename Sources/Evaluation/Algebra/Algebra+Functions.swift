import BigInt

/// Values of named functions: exact where there is one, else the function as an atom.
extension Algebra {
    /// Functions of one argument that answers may use.
    static let functions: Set<String> = [
        "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "ln", "log", "exp", "abs", "floor",
        "ceil",
    ]

    mutating func call(_ name: String, _ argument: Quotient) throws(AlgebraError) -> Quotient {
        try spend(1)
        switch name {
        case "sin": return try sine(try radians(argument))
        case "cos": return try cosine(try radians(argument))
        case "tan": return try divide(try call("sin", argument), by: try call("cos", argument))
        case "cot": return try divide(try call("cos", argument), by: try call("sin", argument))
        case "sec": return try divide(.one, by: try call("cos", argument))
        case "csc": return try divide(.one, by: try call("sin", argument))
        case "exp": return try power(.symbol("e"), argument)
        case "ln": return try logarithm(argument)
        case "log": return try divide(try logarithm(argument), by: try logarithm(Quotient(Rational(10))))
        case "abs":
            if let value = argument.rational { return Quotient(value.magnitude) }
            return Quotient(.call(name, argument))
        case "floor", "ceil":
            guard let value = argument.rational else { return Quotient(.call(name, argument)) }
            return Quotient(Rational(name == "floor" ? value.floor : -(-value).floor))
        default: return Quotient(.call(name, argument))
        }
    }

    mutating func logarithm(_ argument: Quotient, base: Quotient) throws(AlgebraError) -> Quotient {
        try divide(try logarithm(argument), by: try logarithm(base))
    }

    /// Natural: of a number as a sum over its primes, of a product of powers of e as its exponent.
    private mutating func logarithm(_ argument: Quotient) throws(AlgebraError) -> Quotient {
        if argument == .zero { throw .undefined }
        guard argument.denominator == .one, let (monomial, coefficient) = argument.numerator.singleTerm, !coefficient.isNegative else {
            return Quotient(.call("ln", argument))
        }
        var result = Polynomial.zero
        for (prime, count) in try factors(of: coefficient) { result.add(Monomial(.call("ln", Quotient(prime))), Rational(count)) }
        for (atom, exponent) in monomial.powers {
            switch atom {
            case .prime(let prime): result.add(Monomial(.call("ln", Quotient(prime))), exponent)
            case .symbol("e"): result.add(.one, exponent)
            case .power(let base, let inner) where base == .symbol("e") && inner.denominator == .one:
                result = try add(result, try multiply(inner.numerator, Polynomial(exponent)))
            case .symbol where exponent == .one: result.add(Monomial(.call("ln", Quotient(atom))), .one)
            default: return Quotient(.call("ln", argument))
            }
        }
        return Quotient(result)
    }

    // MARK: Angles

    /// `c` degrees as `c pi / 180`.
    private mutating func radians(_ argument: Quotient) throws(AlgebraError) -> Quotient {
        guard argument.denominator == .one, let (monomial, coefficient) = argument.numerator.singleTerm,
            let exponent = monomial.powers[.symbol("°")], exponent == .one
        else { return argument }
        var rest = monomial
        rest.powers[.symbol("°")] = nil
        return try multiply(
            Quotient(Polynomial(rest, coefficient / Rational(180))), .symbol("π"))
    }

    /// `r` when the argument is `r pi`.
    private func turns(_ argument: Quotient) -> Rational? {
        if argument == .zero { return .zero }
        guard argument.denominator == .one, let (monomial, coefficient) = argument.numerator.singleTerm,
            monomial == Monomial(.symbol("π"))
        else { return nil }
        return coefficient
    }

    private mutating func sine(_ argument: Quotient) throws(AlgebraError) -> Quotient {
        if let turns = turns(argument) {
            if let value = try sine(turns: turns) { return value }
        } else if Self.isNegative(argument) {
            return -Quotient(.call("sin", -argument))
        }
        return Quotient(.call("sin", argument))
    }

    private mutating func cosine(_ argument: Quotient) throws(AlgebraError) -> Quotient {
        if let turns = turns(argument), let value = try sine(turns: turns + Rational(1, 2)) { return value }
        return Quotient(.call("cos", Self.isNegative(argument) ? -argument : argument))
    }

    /// One of `x` and `-x` counts as negative: one term, below zero.
    private static func isNegative(_ argument: Quotient) -> Bool { argument.numerator.singleTerm?.coefficient.isNegative ?? false }

    /// `sin(r pi)` for multiples of a twelfth.
    private mutating func sine(turns: Rational) throws(AlgebraError) -> Quotient? {
        let twelfths = turns * Rational(12)
        guard twelfths.isInteger else { return nil }
        var step = Int(twelfths.numerator % 24)
        if step < 0 { step += 24 }
        let isNegative = step >= 12
        step %= 12
        if step > 6 { step = 12 - step }
        // sin 15 and sin 75 degrees are (sqrt 6 -+ sqrt 2) / 4.
        let two = try root(Quotient(Rational(2)), 2)
        let three = try root(Quotient(Rational(3)), 2)
        let six = try multiply(two, three)
        let value: Quotient
        switch step {
        case 0: value = .zero
        case 1: value = try multiply(try subtract(six, two), Quotient(Rational(1, 4)))
        case 2: value = Quotient(Rational(1, 2))
        case 3: value = try multiply(two, Quotient(Rational(1, 2)))
        case 4: value = try multiply(three, Quotient(Rational(1, 2)))
        case 5: value = try multiply(try add(six, two), Quotient(Rational(1, 4)))
        default: value = .one
        }
        return isNegative ? -value : value
    }

    // MARK: Whole numbers

    mutating func factorial(_ argument: Quotient) throws(AlgebraError) -> Quotient {
        guard let value = argument.rational else { return Quotient(.call("factorial", argument)) }
        guard let count = value.int, count >= 0 else { throw .undefined }
        if count > 1000 { throw .tooLarge }
        try spend(count)
        return Quotient(Rational(count < 2 ? 1 : (2...count).reduce(BigInt(1)) { $0 * BigInt($1) }))
    }

    /// Of whole numbers a number, of few out of `n` a polynomial (`n (n - 1) / 2`), else a function of both.
    mutating func binomial(_ top: Quotient, _ bottom: Quotient) throws(AlgebraError) -> Quotient {
        if let n = top.rational?.int, let k = bottom.rational?.int { return try binomial(n, k) }
        guard !Self.isNoCount(top), !Self.isNoCount(bottom) else { throw .unknown }
        let rest = try subtract(top, bottom)
        guard let few = bottom.rational?.int ?? rest.rational?.int, (0...8).contains(few) else { return Quotient(.binomial(top, bottom)) }
        var result = Quotient.one
        for index in 0..<few {
            let factor = try divide(try subtract(top, Quotient(Rational(index))), by: Quotient(Rational(index + 1)))
            result = try multiply(result, factor)
        }
        return result
    }

    /// A number that counts nothing.
    private static func isNoCount(_ value: Quotient) -> Bool { value.rational.map { !$0.isInteger || $0.isNegative } ?? false }

    private mutating func binomial(_ n: Int, _ k: Int) throws(AlgebraError) -> Quotient {
        guard n >= 0, k >= 0 else { throw .undefined }
        if k > n { return .zero }
        let steps = min(k, n - k)
        if steps > 1000 || n > 1 << 32 { throw .tooLarge }
        try spend(steps)
        var result = BigInt(1)
        for index in 0..<steps { result = result * BigInt(n - index) / BigInt(index + 1) }
        return Quotient(Rational(result))
    }
}
