// Whole numbers beyond 64 bits: they come with JSON, and from floats and texts by `int`. They are carried, compared and printed as
// Python's are; calculating with them is refused rather than rounded.

extension Value {
    /// The whole number that `digits` write in base 10, after a minus sign where it is negative.
    static func whole(_ digits: String) -> Value {
        if let number = Int(digits) { return .int(number) }
        let isNegative = digits.hasPrefix("-")
        let kept = (isNegative || digits.hasPrefix("+") ? digits.dropFirst() : digits[...]).drop { $0 == "0" }
        return .largeInt((isNegative ? "-" : "") + kept)
    }

    /// Python's `int(number)`; nil for what is not finite.
    static func whole(_ number: Double) -> Value? {
        if let small = Int(exactly: number.rounded(.towardZero)) { return .int(small) }
        return number.isFinite ? .largeInt(number.wholeDigits) : nil
    }

    /// The whole number's digits after a minus sign where it is negative; nil for anything else. Bools count as 0 and 1.
    var wholeDigits: String? {
        if case .largeInt(let digits) = self { return digits }
        return integer.map(String.init)
    }

    /// Whether this is a number that `integer` cannot give.
    var isLargeInt: Bool { if case .largeInt = self { true } else { false } }

    /// Python's `int(text, base)`; nil when it is no whole number.
    static func parseWhole(_ text: String, base: Int) -> Value? {
        var body = text.stripped()[...]
        let isNegative = body.hasPrefix("-")
        if isNegative || body.hasPrefix("+") { body = body.dropFirst() }
        var radix = base
        for (prefix, prefixBase) in [("0x", 16), ("0o", 8), ("0b", 2)] where base == prefixBase || base == 0 {
            guard body.lowercased().hasPrefix(prefix) else { continue }
            body = body.dropFirst(2)
            // An underscore may stand behind the prefix.
            if body.hasPrefix("_") { body = body.dropFirst() }
            radix = prefixBase
            break
        }
        if radix == 0 {
            radix = 10
            // Python takes 010 for a slip.
            if body.hasPrefix("0"), body.contains(where: { $0 != "0" && $0 != "_" }) { return nil }
        }
        let groups = body.split(separator: "_", omittingEmptySubsequences: false)
        guard groups.allSatisfy({ !$0.isEmpty }) else { return nil }
        var digits: [Int] = []
        for scalar in groups.joined().unicodeScalars {
            guard let digit = scalar.digitValue, digit < radix else { return nil }
            digits.append(digit)
        }
        guard digits.count <= longestWhole else { return nil }
        return .whole((isNegative ? "-" : "") + decimal(digits, radix: radix))
    }

    /// Python reads and writes no longer ones either.
    private static let longestWhole = 4300

    /// The decimal text of a number given by its digits in another base.
    private static func decimal(_ digits: [Int], radix: Int) -> String {
        guard radix != 10 else { return digits.map(String.init).joined() }
        // Nine decimal digits each, the lowest first.
        var limbs = [0]
        for digit in digits {
            var carry = digit
            for index in limbs.indices {
                let sum = limbs[index] * radix + carry
                limbs[index] = sum % 1_000_000_000
                carry = sum / 1_000_000_000
            }
            if carry > 0 { limbs.append(carry) }
        }
        let lower = limbs.dropLast().reversed().map { limb in
            let text = String(limb)
            return String(repeating: "0", count: 9 - text.count) + text
        }
        return String(limbs[limbs.count - 1]) + lower.joined()
    }
}

/// Where one number stands to another; nil when either is no number or NaN. Whole numbers and floats are compared by their exact values.
func numericOrder(_ left: Value, _ right: Value) -> Int? {
    switch (left, right) {
    case (.double(let a), .double(let b)): return a.isNaN || b.isNaN ? nil : a < b ? -1 : a > b ? 1 : 0
    case (.double, _): return numericOrder(right, left).map { -$0 }
    case (_, .double(let b)):
        guard let digits = left.wholeDigits, !b.isNaN else { return nil }
        guard b.isFinite else { return b < 0 ? 1 : -1 }
        let order = order(digits, b.wholeDigits)
        let rest = b - b.rounded(.towardZero)
        return order != 0 || rest == 0 ? order : rest > 0 ? -1 : 1
    default:
        if let a = left.integer, let b = right.integer { return a < b ? -1 : a > b ? 1 : 0 }
        guard let a = left.wholeDigits, let b = right.wholeDigits else { return nil }
        return order(a, b)
    }
}

/// The order of two whole numbers by their digits, which begin with no zero.
private func order(_ left: String, _ right: String) -> Int {
    let (isLeftNegative, isRightNegative) = (left.hasPrefix("-"), right.hasPrefix("-"))
    if isLeftNegative != isRightNegative { return isLeftNegative ? -1 : 1 }
    let (a, b) = (left.utf8.count, right.utf8.count)
    let magnitude = a != b ? (a < b ? -1 : 1) : left == right ? 0 : left.isBefore(right) ? -1 : 1
    return isLeftNegative ? -magnitude : magnitude
}

extension Double {
    /// The digits of the whole part, all of them; finite numbers only.
    fileprivate var wholeDigits: String {
        if let small = Int(exactly: rounded(.towardZero)) { return String(small) }
        // Beyond 2^53 the value is its significand times a power of two.
        var limbs = [Int(significandBitPattern | 1 << 52)]
        for _ in 0..<Int(exponent) - 52 {
            var carry = 0
            for index in limbs.indices {
                let sum = limbs[index] * 2 + carry
                limbs[index] = sum % 1_000_000_000_000_000_000
                carry = sum / 1_000_000_000_000_000_000
            }
            if carry > 0 { limbs.append(carry) }
        }
        let lower = limbs.dropLast().reversed().map { limb in
            let text = String(limb)
            return String(repeating: "0", count: 18 - text.count) + text
        }
        return (self < 0 ? "-" : "") + String(limbs[limbs.count - 1]) + lower.joined()
    }
}

extension Unicode.Scalar {
    /// What the character counts as a digit in Python's `int`: decimal digits of any script, and letters from 10 on.
    fileprivate var digitValue: Int? {
        if properties.generalCategory == .decimalNumber { return properties.numericValue.map { Int($0) } }
        switch value {
        case 0x41...0x5A: return Int(value) - 0x41 + 10
        case 0x61...0x7A: return Int(value) - 0x61 + 10
        default: return nil
        }
    }
}
