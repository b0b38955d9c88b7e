import BigInt

/// An exact fraction in lowest terms with a positive denominator.
struct Rational: Hashable, Sendable {
    let numerator: BigInt
    let denominator: BigInt

    static let zero = Rational(0)
    static let one = Rational(1)

    init(_ value: Int) { (numerator, denominator) = (BigInt(value), 1) }

    init(_ value: BigInt) { (numerator, denominator) = (value, 1) }

    /// - Parameter denominator: not zero.
    init(_ numerator: BigInt, _ denominator: BigInt) {
        precondition(!denominator.isZero, "a fraction needs a denominator other than zero")
        let divisor = numerator.greatestCommonDivisor(with: denominator)
        let sign: BigInt = denominator.sign == .minus ? -1 : 1
        self.numerator = divisor == 1 ? numerator * sign : numerator / divisor * sign
        self.denominator = divisor == 1 ? denominator * sign : denominator / divisor * sign
    }

    var isZero: Bool { numerator.isZero }
    var isInteger: Bool { denominator == 1 }
    var isNegative: Bool { numerator.sign == .minus && !numerator.isZero }
    /// The value as an `Int`; nil when it is a fraction or too large.
    var int: Int? { isInteger ? Int(exactly: numerator) : nil }
    /// Bits of numerator and denominator together: what a value costs.
    var bits: Int { numerator.bitWidth + denominator.bitWidth }
    var magnitude: Rational { isNegative ? -self : self }

    /// The greatest integer not above the value.
    var floor: BigInt {
        let (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
        return rest.sign == .minus && !rest.isZero ? quotient - 1 : quotient
    }

    static prefix func - (value: Rational) -> Rational { Rational(lowest: -value.numerator, value.denominator) }

    static func + (left: Rational, right: Rational) -> Rational {
        if left.isInteger, right.isInteger { return Rational(left.numerator + right.numerator) }
        return Rational(
            left.numerator * right.denominator + right.numerator * left.denominator, left.denominator * right.denominator)
    }

    static func - (left: Rational, right: Rational) -> Rational { left + -right }

    static func * (left: Rational, right: Rational) -> Rational {
        if left.isInteger, right.isInteger { return Rational(left.numerator * right.numerator) }
        return Rational(left.numerator * right.numerator, left.denominator * right.denominator)
    }

    /// - Parameter right: not zero.
    static func / (left: Rational, right: Rational) -> Rational {
        Rational(left.numerator * right.denominator, left.denominator * right.numerator)
    }

    static func < (left: Rational, right: Rational) -> Bool {
        left.numerator * right.denominator < right.numerator * left.denominator
    }

    private init(lowest numerator: BigInt, _ denominator: BigInt) { (self.numerator, self.denominator) = (numerator, denominator) }
}

extension Rational {
    /// The `index`-th root when it is rational.
    func exactRoot(_ index: Int) -> Rational? {
        guard !isNegative, let above = Self.exactRoot(numerator.magnitude, index), let below = Self.exactRoot(denominator.magnitude, index)
        else { return nil }
        return Rational(BigInt(above), BigInt(below))
    }

    /// The `index`-th root of a whole number when it is whole, by Newton's iteration from above.
    static func exactRoot(_ value: BigUInt, _ index: Int) -> BigUInt? {
        if value < 2 || index == 1 { return value }
        guard index < value.bitWidth else { return nil }
        var guess = BigUInt(1) << (value.bitWidth / index + 1)
        while true {
            let next = (guess * BigUInt(index - 1) + value / guess.power(index - 1)) / BigUInt(index)
            if next >= guess { break }
            guess = next
        }
        return guess.power(index) == value ? guess : nil
    }
}
