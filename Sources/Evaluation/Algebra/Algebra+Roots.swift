/// Roots of products that were taken apart differently: `sqrt(x - 1) sqrt(x + 1)` and `sqrt(x^2 - 1)`.
extension Algebra {
    private static let greatestIndex = 12

    /// Whether a difference of two terms is zero because the terms, neither of them negative, have one power in common.
    mutating func areRootsEqual(_ difference: Polynomial) throws(AlgebraError) -> Bool {
        guard difference.terms.count == 2, let (first, above) = difference.terms.first,
            let (second, below) = difference.terms.first(where: { $0.key != first }), above.isNegative != below.isNegative
        else { return false }
        // What both are multiplied by does not count, and has no sign to be known.
        var (left, right) = (first, second)
        for (atom, exponent) in first.powers where second.powers[atom] == exponent {
            left.powers[atom] = nil
            right.powers[atom] = nil
        }
        guard let index = Self.index(left, right), index > 1, Self.isPositive(left, beside: right), Self.isPositive(right, beside: left)
        else { return false }
        let one = try power(Quotient(Polynomial(left, above.magnitude)), whole: index)
        let other = try power(Quotient(Polynomial(right, below.magnitude)), whole: index)
        if one == other { return true }
        return try subtract(one, other).numerator.isZero
    }

    /// The least power in which no root of a sum or symbol is left.
    private static func index(_ left: Monomial, _ right: Monomial) -> Int? {
        var index = 1
        for exponent in Array(left.powers.values) + Array(right.powers.values) {
            guard let denominator = Int(exactly: exponent.denominator), denominator <= greatestIndex else { return nil }
            if index % denominator != 0 { index *= denominator }
            if index > greatestIndex { return nil }
        }
        return index
    }

    /// Whether a product cannot be negative where it and `other` are defined: of roots, and of what stands under an even root.
    private static func isPositive(_ product: Monomial, beside other: Monomial) -> Bool {
        product.powers.allSatisfy { atom, exponent in
            switch atom {
            case .prime, .call("abs", _): return true
            case .sum: return exponent.isRootOfPositive
            case .symbol("π"), .symbol("e"): return true
            case .symbol: return exponent.isRootOfPositive || other.powers[atom]?.isRootOfPositive ?? false
            case .power(let base, _): return base.rational.map { !$0.isNegative } ?? (base == .symbol("e"))
            case .imaginary, .call, .binomial: return false
            }
        }
    }
}

extension Rational {
    /// As an exponent: an even root, which is defined for what is not negative alone.
    fileprivate var isRootOfPositive: Bool { denominator.words.first.map { $0 & 1 == 0 } ?? false }
}
