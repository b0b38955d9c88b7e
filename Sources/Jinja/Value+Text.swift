// How values print: Python's `str`, `repr` and JSON.

extension Double {
    /// Python's `repr(float)`: the shortest digits that read back equal, with an exponent below 1e-4 and from 1e16 on.
    var pythonText: String {
        if isNaN { return "nan" }
        if isInfinite { return self < 0 ? "-inf" : "inf" }
        let (digits, point) = shortestDigits
        let sign = self.sign == .minus ? "-" : ""
        if point > 16 || point < -3 {
            let exponent = point - 1
            let mantissa = digits.count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
            let magnitude = String(abs(exponent))
            return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(magnitude.count < 2 ? "0" + magnitude : magnitude)"
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    /// Significant digits and the place of the decimal point: value = 0.digits * 10^point.
    private var shortestDigits: (String, Int) {
        if self == 0 { return ("0", 1) }
        let text = magnitude.description
        let parts = text.split(separator: "e", maxSplits: 1)
        let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", maxSplits: 1)
        let whole = mantissa[0]
        let fraction = mantissa.count == 2 ? mantissa[1] : ""
        var digits = String(whole + fraction)
        var point = whole.count + exponent
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            point -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        return (digits, point)
    }
}

extension String {
    /// Python's `repr(str)`.
    var pythonQuoted: String {
        let quote: Unicode.Scalar = includes("'") && !includes("\"") ? "\"" : "'"
        var out = String(quote)
        for scalar in unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case quote: out += "\\\(quote)"
            default:
                if scalar.isPrintable {
                    out.unicodeScalars.append(scalar)
                } else {
                    out += scalar.hexEscape
                }
            }
        }
        out.unicodeScalars.append(quote)
        return out
    }

    /// A JSON string, with non-ASCII characters kept unless `asciiOnly`.
    func jsonQuoted(asciiOnly: Bool) -> String {
        var out = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{08}": out += "\\b"
            case "\u{0C}": out += "\\f"
            default:
                if scalar.value < 0x20 || (asciiOnly && scalar.value > 0x7E) {
                    for unit in String(scalar).utf16 { out += "\\u" + hexText(UInt32(unit), digits: 4) }
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }
}

private func hexText(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}

extension Unicode.Scalar {
    fileprivate var hexEscape: String {
        if value < 0x100 { return "\\x" + hexText(value, digits: 2) }
        return value < 0x10000 ? "\\u" + hexText(value, digits: 4) : "\\U" + hexText(value, digits: 8)
    }
}

/// What a JSON rendering may vary, as in Python's `json.dumps`.
struct JSONStyle {
    /// The text of one level of indentation; nil writes one line.
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var sortsKeys = false
    var asciiOnly = false
}

extension Interpreter {
    /// Python's `str(value)`.
    func text(of value: Value) throws(JinjaError) -> String {
        switch value {
        case .string(let text): return text
        case .undefined: return ""
        default: return try quoted(value)
        }
    }

    /// Python's `repr(value)`.
    func quoted(_ value: Value) throws(JinjaError) -> String {
        var out = ""
        try writeQuoted(value, into: &out)
        return out
    }

    private func writeQuoted(_ value: Value, into out: inout String) throws(JinjaError) {
        try charge(1)
        try check(out)
        switch value {
        case .undefined: out += "Undefined"
        case .none: out += "None"
        case .bool(let flag): out += flag ? "True" : "False"
        case .int(let number): out += String(number)
        case .largeInt(let digits): out += digits
        case .double(let number): out += number.pythonText
        case .string(let text):
            try charge(text: text)
            out += text.pythonQuoted
        case .array(let items): try writeQuoted(items, "[", "]", into: &out)
        case .tuple(let items): try writeQuoted(items, "(", items.count == 1 ? ",)" : ")", into: &out)
        case .object(let object):
            out += "{"
            for (position, (key, member)) in object.pairs.enumerated() {
                if position > 0 { out += ", " }
                try writeQuoted(key, into: &out)
                out += ": "
                try writeQuoted(member, into: &out)
            }
            out += "}"
        case .runtime(let object) where object.kind == .loop && loops.indices.contains(object.index):
            let loop = loops[object.index]
            out += "<LoopContext \(loop.position + 1)/\(loop.items.count)>"
        case .callable, .runtime: out += "<\(value.typeName)>"
        }
    }

    private func writeQuoted(_ items: [Value], _ open: String, _ close: String, into out: inout String) throws(JinjaError) {
        out += open
        for (position, item) in items.enumerated() {
            if position > 0 { out += ", " }
            try writeQuoted(item, into: &out)
        }
        out += close
    }

    /// Python's `json.dumps(value)`.
    func json(_ value: Value, style: JSONStyle) throws(JinjaError) -> String {
        var out = ""
        try writeJSON(value, style: style, level: 0, into: &out)
        return out
    }

    private func writeJSON(_ value: Value, style: JSONStyle, level: Int, into out: inout String) throws(JinjaError) {
        try charge(1)
        try check(out)
        switch value {
        case .none: out += "null"
        case .bool(let flag): out += flag ? "true" : "false"
        case .int(let number): out += String(number)
        case .largeInt(let digits): out += digits
        case .double(let number): out += jsonText(number)
        case .string(let text):
            try charge(text: text)
            out += text.jsonQuoted(asciiOnly: style.asciiOnly)
        case .array(let items), .tuple(let items):
            guard !items.isEmpty else { return out += "[]" }
            out += "["
            for (position, item) in items.enumerated() {
                writeSeparator(position == 0, style: style, level: level + 1, into: &out)
                try writeJSON(item, style: style, level: level + 1, into: &out)
            }
            writeLineEnd(style: style, level: level, into: &out)
            out += "]"
        case .object(let object):
            guard object.count > 0 else { return out += "{}" }
            var members: [(name: String, value: Value)] = []
            for (key, member) in object.pairs { members.append((try jsonName(key), member)) }
            if style.sortsKeys { members.sort { $0.name.isBefore($1.name) } }
            out += "{"
            for (position, member) in members.enumerated() {
                writeSeparator(position == 0, style: style, level: level + 1, into: &out)
                out += member.name.jsonQuoted(asciiOnly: style.asciiOnly) + style.keySeparator
                try writeJSON(member.value, style: style, level: level + 1, into: &out)
            }
            writeLineEnd(style: style, level: level, into: &out)
            out += "}"
        case .undefined, .callable, .runtime:
            throw .failure("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private func writeSeparator(_ isFirst: Bool, style: JSONStyle, level: Int, into out: inout String) {
        if !isFirst { out += style.itemSeparator }
        writeLineEnd(style: style, level: level, into: &out)
    }

    private func writeLineEnd(style: JSONStyle, level: Int, into out: inout String) {
        if let indent = style.indent { out += "\n" + String(repeating: indent, count: level) }
    }

    private func jsonText(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        return number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : number.pythonText
    }

    private func jsonName(_ key: Value) throws(JinjaError) -> String {
        switch key {
        case .string(let text): return text
        case .none: return "null"
        case .bool(let flag): return flag ? "true" : "false"
        case .int(let number): return String(number)
        case .largeInt(let digits): return digits
        case .double(let number): return jsonText(number)
        default: throw .failure("keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }
}
