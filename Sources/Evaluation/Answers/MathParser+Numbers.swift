import BigInt

/// Numbers as people write them.
extension MathParser {
    /// Digits with separators of thousands, a decimal part, repeating decimals, a power of ten.
    /// - Parameter mayBeSpaced: blanks may stand between thousands. Behind an exponent or in an argument they end the number.
    mutating func number(mayBeSpaced: Bool = false) throws(AlgebraError) -> MathExpression {
        var digits = takeDigits()
        if !digits.isEmpty { digits += takeThousands(after: digits, mayBeSpaced: mayBeSpaced) }
        var value = Rational(BigInt(digits) ?? 0)
        if next == .sign("."), let fraction = takeFraction(mayBeSpaced: mayBeSpaced) {
            value = value + fraction
            // `1.000.50` is no product.
            if next == .sign("."), !isSpaced, case .digit? = peek(1) { throw .unknown }
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

    /// Groups of three after a comma, an apostrophe, a blank, or several full stops: `1,000`, `1{,}000`, `1,\!000`, `1'000`, `1 000`,
    /// `1.000.000`. Where it is asked for, the groups of India too: `12,34,567`.
    private mutating func takeThousands(after leading: String, mayBeSpaced: Bool) -> String {
        let start = position
        for separator in Separator.allCases where separator != .blank || mayBeSpaced && leading.first != "0" {
            if separator == .comma, position < separatedUntil { continue }
            var groups: [String] = []
            while let group = takeGroup(separator) { groups.append(group) }
            if leading.count <= 3, groups.count >= (separator == .stop ? 2 : 1), groups.allSatisfy({ $0.count == 3 }) {
                return groups.joined()
            }
            if separator == .comma, readsIndianGroups, leading.count <= 2, groups.count > 1, groups.last?.count == 3,
                groups.dropLast().allSatisfy({ $0.count == 2 })
            {
                return groups.joined()
            }
            // Where one of them is no group, none is: `2,10,101` are three elements.
            if separator == .comma { separatedUntil = position }
            position = start
        }
        return ""
    }

    private enum Separator: CaseIterable { case surely, comma, apostrophe, stop, blank }

    /// A separator and the digits behind it, or nothing.
    private mutating func takeGroup(_ separator: Separator) -> String? {
        let start = position
        switch separator {
        case .surely:
            if take(.command("thousands")) {
            } else if next == .sign("{"), peek(1) == .sign(","), peek(2) == .sign("}") {
                position += 3
            } else if next == .sign("{"), peek(1) == .sign("}") {
                position += 2
            } else {
                return nil
            }
        case .comma where bracketDepth == 0 && take(.sign(",")) && !isSpaced: break
        case .apostrophe where !isSpaced && take(.sign("'")) && !isSpaced: break
        case .stop where !isSpaced && take(.sign(".")) && !isSpaced: break
        case .blank where isSpaced: break
        default:
            position = start
            return nil
        }
        let group = takeDigits()
        // `1 4/5` and `1 234/567` are mixed numbers.
        if group.isEmpty || separator == .blank && next == .sign("/") {
            position = start
            return nil
        }
        return group
    }

    private var isSpaced: Bool { position < tokens.count && tokens[position].isSpaced }

    private mutating func takeFraction(mayBeSpaced: Bool) -> Rational? {
        let start = position
        position += 1
        var digits = ""
        if position < tokens.count, !tokens[position].isSpaced { digits = takeDigits() }
        // `0.000 125`
        if mayBeSpaced, digits.count == 3 {
            let start = position
            var groups: [String] = []
            while let group = takeGroup(.blank) { groups.append(group) }
            if groups.allSatisfy({ $0.count == 3 }) { digits += groups.joined() } else { position = start }
        }
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
