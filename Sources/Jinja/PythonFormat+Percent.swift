// `'%5.2f' % x`.

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
            case .object, .array, .tuple, .undefined: break
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
            guard let whole = value.wholeDigits.map(Value.whole) ?? value.number.flatMap(Value.whole) else {
                throw .failure("%d format: a real number is required, not \(value.typeName)")
            }
            field.type = "d"
            return try formatNumber(whole, field, zeroPads: field.fill == "0")
        case "x", "X", "o":
            guard value.wholeDigits != nil else { throw .failure("%\(field.type) format: an integer is required, not \(value.typeName)") }
            return try formatNumber(value, field, zeroPads: field.fill == "0")
        case "e", "E", "f", "F", "g", "G":
            guard let number = value.number else { throw .failure("must be real number, not \(value.typeName)") }
            return try formatNumber(.double(number), field, zeroPads: field.fill == "0")
        default: throw .failure("unsupported format character '\(field.type)'")
        }
    }
}
