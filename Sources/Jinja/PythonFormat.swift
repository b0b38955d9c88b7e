import Foundation

// Python's two formatting languages: `'%5.2f' % x` and `'{:>8}'.format(x)`.

/// One conversion: how to show a value in a field.
private struct FieldFormat {
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
    /// `format % arguments`.
    func formatPercent(_ format: String, _ arguments: Value) throws(JinjaError) -> String {
        let positional: [Value]
        if case .tuple(let values) = arguments { positional = values } else { positional = [arguments] }
        let scalars = format.scalars
        var used = 0
        var out = ""
        var index = 0
        func next() throws(JinjaError) -> Value {
            guard used < positional.count else { throw .failure("not enough arguments for format string") }
            used += 1
            return positional[used - 1]
        }
        func number() throws(JinjaError) -> Int? {
            var digits = ""
            while index < scalars.count, scalars[index].isASCIIDigit {
                digits.unicodeScalars.append(scalars[index])
                index += 1
            }
            guard !digits.isEmpty else { return nil }
            guard let count = Int(digits), count < 1 << 20 else { throw .failure("a field of \(digits.prefix(20)) characters is too wide") }
            return count
        }
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            guard scalar == "%" else {
                out.unicodeScalars.append(scalar)
                continue
            }
            var field = FieldFormat()
            var value: Value?
            if index < scalars.count, scalars[index] == "(" {
                guard let close = scalars[index...].firstIndex(of: ")") else { throw .failure("incomplete format key") }
                guard case .object(let object) = arguments else { throw .failure("format requires a mapping") }
                let key = String(scalars[(index + 1)..<close])
                guard let member = object[key] else { throw .failure("the format names '\(key)', which is missing") }
                value = member
                index = close + 1
            }
            while index < scalars.count, "-+ 0#".unicodeScalars.contains(scalars[index]) {
                switch scalars[index] {
                case "-": field.align = "<"
                case "+": field.sign = "+"
                case " ": field.sign = field.sign == "+" ? "+" : " "
                case "0": field.fill = "0"
                default: field.alternate = true
                }
                index += 1
            }
            field.width = try number() ?? 0
            if index < scalars.count, scalars[index] == "." {
                index += 1
                field.precision = try number() ?? 0
            }
            guard index < scalars.count else { throw .failure("incomplete format") }
            field.type = String(scalars[index])
            index += 1
            if field.type == "%" {
                out += "%"
                continue
            }
            let shown: Value
            if let value { shown = value } else { shown = try next() }
            out += try formatted(percent: shown, field)
            try charge(text: out)
            try check(out)
        }
        if used < positional.count, case .tuple = arguments { throw .failure("not all arguments converted during string formatting") }
        if used == 0, !format.includes("%") {
            switch arguments {
            case .object, .array, .tuple: break
            default: throw .failure("not all arguments converted during string formatting")
            }
        }
        return out
    }

    private func formatted(percent value: Value, _ given: FieldFormat) throws(JinjaError) -> String {
        var field = given
        switch field.type {
        case "s", "r", "a":
            field.fill = " "
            field.align = field.align ?? ">"
            let shown = field.type == "s" ? try text(of: value) : try quoted(value)
            return try place(field.precision.map { String(shown.scalars.prefix($0)) } ?? shown, field)
        case "c":
            if let code = value.integer {
                guard let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init) else {
                    throw .failure("%c arg not in range(0x110000)")
                }
                return try place(String(scalar), field)
            }
            return try place(try text(of: value), field)
        case "d", "i", "u":
            guard let number = value.number, let whole = Int(exactly: number.rounded(.towardZero)) else {
                throw .failure("%d format: a real number is required, not \(value.typeName)")
            }
            field.type = "d"
            return try formatNumber(.int(value.integer ?? whole), field, zeroPads: field.fill == "0")
        case "x", "X", "o":
            guard value.integer != nil else { throw .failure("%\(field.type) format: an integer is required, not \(value.typeName)") }
            return try formatNumber(value, field, zeroPads: field.fill == "0")
        case "e", "E", "f", "F", "g", "G":
            guard let number = value.number else { throw .failure("must be real number, not \(value.typeName)") }
            return try formatNumber(.double(number), field, zeroPads: field.fill == "0")
        default: throw .failure("unsupported format character '\(field.type)'")
        }
    }

    private func place(_ text: String, _ field: FieldFormat) throws(JinjaError) -> String {
        let align = field.align ?? ">"
        let length = text.unicodeScalars.count
        guard field.width > length else { return text }
        try check(bytes: field.width)
        let gap = field.width - length
        let left = align == "<" ? 0 : align == "^" ? gap / 2 : gap
        return String(repeating: field.fill, count: left) + text + String(repeating: field.fill, count: gap - left)
    }

    /// Digits, sign, grouping and padding of a number.
    private func formatNumber(_ value: Value, _ given: FieldFormat, zeroPads: Bool) throws(JinjaError) -> String {
        var field = given
        var digits: String
        let isNegative: Bool
        var prefix = ""
        if let whole = value.integer, ["", "d", "n", "x", "X", "o", "b"].contains(field.type) {
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

    // MARK: str.format

    func formatBraces(_ format: String, _ arguments: CallArguments) throws(JinjaError) -> String {
        let scalars = format.scalars
        var out = ""
        var index = 0
        var automatic = 0
        while index < scalars.count {
            let scalar = scalars[index]
            let isDoubled = index + 1 < scalars.count && scalars[index + 1] == scalar
            if scalar == "{" || scalar == "}", isDoubled {
                out.unicodeScalars.append(scalar)
                index += 2
                continue
            }
            guard scalar == "{" else {
                guard scalar != "}" else { throw .failure("Single '}' encountered in format string") }
                out.unicodeScalars.append(scalar)
                index += 1
                continue
            }
            guard let close = scalars[index...].firstIndex(of: "}") else { throw .failure("expected '}' before end of string") }
            let body = String(scalars[(index + 1)..<close])
            index = close + 1
            out += try replacement(body, arguments, &automatic)
            try charge(text: out)
            try check(out)
        }
        return out
    }

    private func replacement(_ body: String, _ arguments: CallArguments, _ automatic: inout Int) throws(JinjaError) -> String {
        let parts = body.split(on: ":", limit: 1)
        let pieces = parts[0].split(on: "!", limit: 1)
        var value = try argument(pieces[0], arguments, &automatic)
        if pieces.count == 2 { value = .string(pieces[1] == "s" ? try text(of: value) : try quoted(value)) }
        let field = try parseField(parts.count == 2 ? parts[1] : "")
        switch value {
        case .int, .double: break
        case .bool where !["", "s"].contains(field.type): break
        default:
            guard field.type.isEmpty || field.type == "s", value.text != nil || parts.count == 1 || parts[1].isEmpty else {
                throw .failure("a value of type \(value.typeName) cannot be formatted as '\(parts.last ?? "")'")
            }
            let shown = try text(of: value)
            var textual = field
            textual.align = field.align ?? "<"
            return try place(field.precision.map { String(shown.scalars.prefix($0)) } ?? shown, textual)
        }
        guard field.type != "s" else { throw .failure("Unknown format code 's' for object of type '\(value.typeName)'") }
        return try formatNumber(value, field, zeroPads: false)
    }

    private func argument(_ path: String, _ arguments: CallArguments, _ automatic: inout Int) throws(JinjaError) -> Value {
        let head = String(path.prefix { $0 != "." && $0 != "[" })
        var value: Value
        if head.isEmpty || Int(head) != nil {
            let place = Int(head) ?? automatic
            if head.isEmpty { automatic += 1 }
            guard arguments.positional.indices.contains(place) else {
                throw .failure("Replacement index \(place) out of range for positional args")
            }
            value = arguments.positional[place]
        } else {
            guard let named = arguments.named.first(where: { $0.name == head }) else {
                throw .failure("the format names '\(head)', which is missing")
            }
            value = named.value
        }
        var rest = path.dropFirst(head.count)
        while let mark = rest.first {
            rest = rest.dropFirst()
            if mark == "." {
                let name = String(rest.prefix { $0 != "." && $0 != "[" })
                value = try attribute(name, of: value)
                rest = rest.dropFirst(name.count)
            } else {
                let key = String(rest.prefix { $0 != "]" })
                value = try item(Int(key).map(Value.int) ?? .string(key), of: value)
                rest = rest.dropFirst(key.count + 1)
            }
        }
        return value
    }

    private func parseField(_ spec: String) throws(JinjaError) -> FieldFormat {
        var field = FieldFormat()
        var rest = spec.scalars[...]
        func isAlign(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { "<>^=".unicodeScalars.contains($0) } ?? false }
        if isAlign(rest.dropFirst().first) {
            field.fill = String(rest.removeFirst())
            field.align = String(rest.removeFirst())
        } else if isAlign(rest.first) {
            field.align = String(rest.removeFirst())
        }
        if let sign = rest.first, "+- ".unicodeScalars.contains(sign) { field.sign = String(rest.removeFirst()) }
        if rest.first == "#" {
            field.alternate = true
            rest.removeFirst()
        }
        if rest.first == "0" {
            if field.align == nil { (field.fill, field.align) = ("0", "=") }
            rest.removeFirst()
        }
        func number() throws(JinjaError) -> Int? {
            let digits = rest.prefix { $0.isASCIIDigit }
            rest = rest.dropFirst(digits.count)
            guard !digits.isEmpty else { return nil }
            guard let count = Int(String(digits)), count < 1 << 20 else { throw .failure("a field is too wide") }
            return count
        }
        field.width = try number() ?? 0
        if rest.first == "," || rest.first == "_" { field.grouping = String(rest.removeFirst()) }
        if rest.first == "." {
            rest.removeFirst()
            field.precision = try number()
        }
        field.type = String(rest)
        guard ["", "s", "d", "n", "x", "X", "o", "b", "e", "E", "f", "F", "g", "G", "%"].contains(field.type) else {
            throw .failure("Invalid format specifier '\(spec)'")
        }
        return field
    }
}
