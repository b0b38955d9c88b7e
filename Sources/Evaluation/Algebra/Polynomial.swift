/// What cannot be taken apart further: the generators of the algebra in which answers are compared.
indirect enum Atom: Hashable, Sendable {
    /// A prime under a root, its exponent strictly between 0 and 1. A factor too large to be split stands for itself.
    case prime(Rational)
    /// A variable, or a constant such as pi and e of which nothing else is used.
    case symbol(String)
    /// The imaginary unit, exponent 1.
    case imaginary
    /// A function of one argument that has no simpler value here: `sin(x)`, `ln(2)`.
    case call(String, Quotient)
    /// A sum under a root, its exponent strictly between 0 and 1; its coefficients are whole and have no common factor.
    case sum(Polynomial)
    /// A power whose exponent is no number.
    case power(Quotient, Quotient)
    /// A binomial coefficient of what is no number.
    case binomial(Quotient, Quotient)
}

/// A product of powers of atoms. The empty product is 1.
struct Monomial: Hashable, Sendable {
    var powers: [Atom: Rational] = [:]

    static let one = Monomial()

    init() {}

    init(_ atom: Atom, _ exponent: Rational = .one) { powers = [atom: exponent] }
}

/// A sum of products: coefficients by monomial, none of them zero. Exponents may be negative or fractions.
struct Polynomial: Hashable, Sendable {
    var terms: [Monomial: Rational] = [:]

    static let zero = Polynomial()
    static let one = Polynomial(.one)

    init() {}

    init(_ value: Rational) { if !value.isZero { terms = [.one: value] } }

    init(_ monomial: Monomial, _ coefficient: Rational = .one) { if !coefficient.isZero { terms = [monomial: coefficient] } }

    var isZero: Bool { terms.isEmpty }

    /// The value when no atom is in it.
    var rational: Rational? {
        if isZero { return .zero }
        return terms.count == 1 ? terms[.one] : nil
    }

    /// The only term; nil for zero and for sums.
    var singleTerm: (monomial: Monomial, coefficient: Rational)? {
        terms.count == 1 ? terms.first.map { ($0.key, $0.value) } : nil
    }

    static prefix func - (value: Polynomial) -> Polynomial {
        var result = value
        for (monomial, coefficient) in value.terms { result.terms[monomial] = -coefficient }
        return result
    }

    mutating func add(_ monomial: Monomial, _ coefficient: Rational) {
        let sum = (terms[monomial] ?? .zero) + coefficient
        terms[monomial] = sum.isZero ? nil : sum
    }
}

/// One polynomial over another. Equal values can have different forms: compare with `Algebra.areEqual`.
struct Quotient: Hashable, Sendable {
    var numerator: Polynomial
    var denominator: Polynomial

    static let zero = Quotient(.zero)
    static let one = Quotient(.one)

    init(_ numerator: Polynomial, over denominator: Polynomial = .one) {
        (self.numerator, self.denominator) = (numerator, denominator)
    }

    init(_ value: Rational) { self.init(Polynomial(value)) }

    init(_ atom: Atom) { self.init(Polynomial(Monomial(atom))) }

    static func symbol(_ name: String) -> Quotient { Quotient(Atom.symbol(name)) }

    /// The value when no atom is in it.
    var rational: Rational? { denominator == .one ? numerator.rational : nil }

    static prefix func - (value: Quotient) -> Quotient { Quotient(-value.numerator, over: value.denominator) }
}
