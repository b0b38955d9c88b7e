import BigInt

/// Numbers as people write them.
extension MathParser {
    /// Digits with separators of thousands, a decimal part, repeating decimals, a power of ten.
    mutating func number() throws(AlgebraError) -> MathExpression {
        var digits = takeDigits()
        if !digits.isEmpty { digits += takeThousands(after: digits.count) }
        var value = Rational(BigInt(digits) ?? 0)
        if next == .sign("."), let fraction = takeFraction() {
            value = value + fraction
        } else if digits.isEmpty {
            throw .unknown
        }
        if next == .letter("e") || next == .letter("E"), !tokens[position].isSpaced, let exponent = takeExponent() {
            guard abs(exponent) <= 1000 else { throw .tooLarge }
            let power = Rational(BigInt(10).power(abs(exponent)))
            value = exponent < 0 ? value / power : value * power
        }
        return .number(value)
    }

    private mutating func takeDigits() -> String {
        var digits = ""
        while case .digit(let digit)? = next, digits.isEmpty || !tokens[position].isSpaced {
            digits.append(digit)
            position += 1
        }
        return digits
    }

    /// Groups of three after a comma: `1,000`, `1{,}000`, `1,\!000`.
    private mutating func takeThousands(after leading: Int) -> String {
        guard leading <= 3 else { return "" }
        var all = ""
        while true {
            let start = position
            var isSurelyThousands = true
            if take(.command("thousands")) {
            } else if next == .sign("{"), peek(1) == .sign(","), peek(2) == .sign("}") {
                position += 3
            } else if next == .sign(","), bracketDepth == 0 {
                position += 1
                isSurelyThousands = false
            } else {
                return all
            }
            guard position < tokens.count, isSurelyThousands || !tokens[position].isSpaced else {
                position = start
                return all
            }
            let group = takeDigits()
            guard group.count == 3 else {
                position = start
                return all
            }
            all += group
        }
    }

    private mutating func takeFraction() -> Rational? {
        let start = position
        position += 1
        var digits = ""
        if position < tokens.count, !tokens[position].isSpaced { digits = takeDigits() }
        if next == .command("overline"), peek(1) == .sign("{") {
            position += 2
            let repeating = takeDigits()
            guard !repeating.isEmpty, take(.sign("}")) else {
                position = start
                return nil
            }
            let scale = BigInt(10).power(digits.count)
            let period = BigInt(10).power(repeating.count) - 1
            return Rational(BigInt(digits) ?? 0, scale) + Rational(BigInt(repeating) ?? 0, scale * period)
        }
        guard !digits.isEmpty else {
            position = start
            return nil
        }
        return Rational(BigInt(digits) ?? 0, BigInt(10).power(digits.count))
    }

    private mutating func takeExponent() -> Int? {
        let start = position
        position += 1
        var isNegative = false
        if next == .sign("-") || next == .sign("+"), !tokens[position].isSpaced {
            isNegative = next == .sign("-")
            position += 1
        }
        guard position < tokens.count, !tokens[position].isSpaced, let exponent = Int(takeDigits()) else {
            position = start
            return nil
        }
        return isNegative ? -exponent : exponent
    }
}
