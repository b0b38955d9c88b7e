import Foundation

// What Python's two formatting languages share: a field's layout and the digits of numbers.

/// One conversion: how to show a value in a field.
struct FieldFormat {
    var fill: String = " "
    /// `<`, `>`, `^`, `=`, or nil for the kind's own side.
    var align: String?
    var sign = "-"
    var alternate = false
    var width = 0
    var grouping: String?
    var precision: Int?
    var type: String = ""
}

extension Interpreter {
    func place(_ text: String, _ field: FieldFormat) throws(JinjaError) -> String {
        let align = field.align ?? ">"
        let length = text.unicodeScalars.count
        guard field.width > length else { return text }
        try check(bytes: field.width)
        let gap = field.width - length
        let left = align == "<" ? 0 : align == "^" ? gap / 2 : gap
        return String(repeating: field.fill, count: left) + text + String(repeating: field.fill, count: gap - left)
    }

    /// Digits, sign, grouping and padding of a number.
    func formatNumber(_ value: Value, _ given: FieldFormat, zeroPads: Bool) throws(JinjaError) -> String {
        var field = given
        var digits: String
        let isNegative: Bool
        var prefix = ""
        if case .largeInt(let text) = value, ["", "d", "n", "x", "X", "o", "b"].contains(field.type) {
            guard ["", "d", "n"].contains(field.type) else { throw .failure("a whole number beyond 64 bits can be shown in base 10 only") }
            isNegative = text.hasPrefix("-")
            digits = isNegative ? String(text.dropFirst()) : text
        } else if let whole = value.integer, ["", "d", "n", "x", "X", "o", "b"].contains(field.type) {
            isNegative = whole < 0
            let radix = field.type.lowercased() == "x" ? 16 : field.type == "o" ? 8 : field.type == "b" ? 2 : 10
            digits = String(whole.magnitude, radix: radix, uppercase: field.type == "X")
            if field.alternate, radix != 10 { prefix = "0" + field.type }
        } else {
            let number = value.number ?? 0
            isNegative = number.sign == .minus && !number.isNaN
            digits = floatDigits(number.magnitude, field)
        }
        if let grouping = field.grouping { digits = grouped(digits, by: grouping) }
        let sign = isNegative ? "-" : field.sign == "-" ? "" : field.sign
        if zeroPads && field.align != "<" || field.align == "=" {
            let missing = field.width - sign.count - prefix.count - digits.count
            try check(bytes: missing)
            return sign + prefix + String(repeating: field.fill, count: max(0, missing)) + digits
        }
        if zeroPads { field.fill = " " }
        return try place(sign + prefix + digits, field)
    }

    private func floatDigits(_ number: Double, _ field: FieldFormat) -> String {
        if number.isInfinite || number.isNaN { return number.isNaN ? "nan" : "inf" }
        // Digits past these are exact zeros or noise nobody prints; the bound keeps the buffer small.
        let precision = min(field.precision ?? 6, 400)
        switch field.type {
        case "%": return String(format: "%.\(precision)f", number * 100) + "%"
        case "", "n":
            guard field.precision != nil else { return number.pythonText }
            let text = String(format: "%.\(max(1, precision))g", number)
            return text.includes(".") || text.includes("e") ? text : text + ".0"
        default: return String(format: "%.\(precision)\(field.type)", number)
        }
    }

    private func grouped(_ digits: String, by separator: String) -> String {
        let whole = digits.prefix { $0.isASCII && $0.isNumber }
        var out = ""
        for (place, digit) in whole.enumerated() {
            if place > 0, (whole.count - place) % 3 == 0 { out += separator }
            out.append(digit)
        }
        return out + digits.dropFirst(whole.count)
    }
}
