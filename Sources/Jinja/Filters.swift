import Foundation

// Filters. A new one is a case in the method of its kind below.

extension Interpreter {
    /// Applies the filter `name`; this is also how `map('name')` reaches it.
    func apply(filter name: String, to value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        if let result = try applyTextFilter(name, value, arguments) { return result }
        if let result = try applyNumberFilter(name, value, arguments) { return result }
        if let result = try applySequenceFilter(name, value, arguments) { return result }
        if let result = try applySelectionFilter(name, value, arguments) { return result }
        if let result = try applyGeneralFilter(name, value, arguments) { return result }
        throw .failure("No filter named '\(name)'.")
    }

    private func applyGeneralFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        switch name {
        case "default", "d":
            let bound = try arguments.bind(name, "default_value", "boolean")
            return value.isUndefined || (bound.flag(1) && !value.isTrue) ? bound[0] ?? "" : value
        case "attr":
            return try ownAttribute(try arguments.bind(name, "name").text(0), of: value) ?? .undefined(reason: "no such attribute")
        case "tojson": return .string(try toJSON(value, arguments))
        case "pprint": return .string(try quoted(value))
        case "items":
            if value.isUndefined { return .array([]) }
            guard case .object(let object) = value else { throw .failure("Can only get item pairs from a mapping.") }
            return .array(items(of: object))
        case "dictsort": return .array(try dictsort(value, arguments))
        default: return nil
        }
    }

    func items(of object: OrderedObject) -> [Value] { object.pairs.map { .tuple([$0, $1]) } }

    private func toJSON(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> String {
        let bound = try arguments.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys")
        var style = JSONStyle(sortsKeys: bound.flag(3), asciiOnly: bound.flag(0))
        switch bound.optional(1) {
        case .string(let text)?: style.indent = text
        case let width?:
            guard let width = width.integer else { throw .failure("tojson(): 'indent' must be an integer or a string") }
            try check(bytes: width)
            style.indent = String(repeating: " ", count: max(0, width))
        case nil: break
        }
        if style.indent != nil { style.itemSeparator = "," }
        if let separators = bound.optional(2) {
            let parts = try elements(of: separators)
            guard parts.count == 2, let item = parts[0].text, let key = parts[1].text else {
                throw .failure("tojson(): 'separators' must be two strings")
            }
            (style.itemSeparator, style.keySeparator) = (item, key)
        }
        return try json(value, style: style)
    }

    private func dictsort(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> [Value] {
        let bound = try arguments.bind("dictsort", "case_sensitive", "by", "reverse")
        guard case .object(let object) = value else { throw .failure("dictsort needs a mapping, not \(value.typeName)") }
        let by = try bound.text(1, default: "key")
        guard by == "key" || by == "value" else { throw .failure("You can only sort by either \"key\" or \"value\"") }
        let keyed = items(of: object).map { pair -> (Value, Value) in
            guard case .tuple(let parts) = pair else { return (pair, pair) }
            return (foldCase(parts[by == "key" ? 0 : 1], unless: bound.flag(0)), pair)
        }
        return try sortedPairs(keyed, descending: bound.flag(2))
    }

    /// Lower-cases strings so that sorting and grouping ignore case.
    func foldCase(_ value: Value, unless isCaseSensitive: Bool) -> Value {
        if !isCaseSensitive, case .string(let text) = value { return .string(text.lowercased()) }
        return value
    }

    /// Sorts `(key, value)` pairs stably by key, also when descending.
    func sortedPairs(_ pairs: [(Value, Value)], descending: Bool) throws(JinjaError) -> [Value] {
        let positions = try sorted(pairs.indices.map(Value.int)) { (a, b) throws(JinjaError) in
            let (left, right) = (pairs[a.integer ?? 0].0, pairs[b.integer ?? 0].0)
            return descending ? try isLess(right, left) : try isLess(left, right)
        }
        return positions.map { pairs[$0.integer ?? 0].1 }
    }

    // MARK: Numbers

    private func applyNumberFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        switch name {
        case "abs":
            if case .double(let number) = value { return .double(number.magnitude) }
            if case .largeInt(let digits) = value { return digits.hasPrefix("-") ? .largeInt(String(digits.dropFirst())) : value }
            guard let number = value.integer, number != .min else { throw .failure("bad operand type for abs(): '\(value.typeName)'") }
            return .int(number < 0 ? -number : number)
        case "int": return try toInt(value, try arguments.bind(name, "default", "base"))
        case "float":
            let standard = try arguments.bind(name, "default")[0] ?? 0.0
            if let number = value.number { return .double(number) }
            if case .undefined(let reason) = value { throw .failure(reason) }
            return value.text.flatMap { parseDouble($0) }.map(Value.double) ?? standard
        case "round": return try round(value, try arguments.bind(name, "precision", "method"))
        case "filesizeformat": return .string(try fileSize(value, binary: try arguments.bind(name, "binary").flag(0)))
        default: return nil
        }
    }

    /// Python's `float(text)`.
    private func parseDouble(_ text: String) -> Double? {
        let body = text.stripped().lowercased()
        guard !body.includes("x"), !body.includes("(") else { return nil }
        let bytes = Array(body.utf8)
        // Underscores stand between digits.
        for (place, byte) in bytes.enumerated() where byte == UInt8(ascii: "_") {
            guard place > 0, place + 1 < bytes.count, 0x30...0x39 ~= bytes[place - 1], 0x30...0x39 ~= bytes[place + 1] else { return nil }
        }
        return Double(body.replacing("_", by: ""))
    }

    private func toInt(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> Value {
        let standard = bound[0] ?? 0
        let base = try bound.integer(1, default: 10)
        guard base == 0 || (2...36).contains(base) else { return standard }
        if let digits = value.wholeDigits { return .whole(digits) }
        if case .string(let text) = value {
            return Value.parseWhole(text, base: base) ?? parseDouble(text).flatMap(Value.whole) ?? standard
        }
        if case .undefined(let reason) = value { throw .failure(reason) }
        guard let number = value.number else { return standard }
        guard !number.isInfinite else { throw .failure("cannot convert float infinity to integer") }
        return Value.whole(number) ?? standard
    }

    private func round(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> Value {
        let precision = try bound.integer(0, default: 0)
        let method = try bound.text(1, default: "common")
        guard ["common", "ceil", "floor"].contains(method) else { throw .failure("method must be common, ceil or floor") }
        if case .undefined(let reason) = value { throw .failure(reason) }
        guard let number = value.number else { throw .failure("type \(value.typeName) doesn't define __round__ method") }
        guard abs(precision) <= 300, number.isFinite else { return value }
        let scale = pow(10, Double(precision))
        if method != "common" { return .double((method == "ceil" ? ceil(number * scale) : floor(number * scale)) / scale) }
        if let digits = value.wholeDigits {
            guard precision < 0 else { return .whole(digits) }
            guard let whole = value.integer else { throw .failure("a whole number beyond 64 bits cannot be rounded") }
            return Self.rounded(whole, zeros: -precision)
        }
        guard precision >= 0 else { return .double((number * scale).rounded(.toNearestOrEven) / scale) }
        // Rounds the exact binary value, as Python does.
        return .double(Double(String(format: "%.\(precision)f", number)) ?? number)
    }

    /// The nearest number that ends in `zeros` zeros, of two the one whose digit before them is even.
    private static func rounded(_ whole: Int, zeros: Int) -> Value {
        // Half of 10^20 is beyond all of them.
        guard zeros < 20 else { return 0 }
        let unit = (0..<zeros).reduce(UInt64(1)) { power, _ in power * 10 }
        var (quotient, rest) = UInt64(whole.magnitude).quotientAndRemainder(dividingBy: unit)
        if rest > unit - rest || (rest == unit - rest && quotient % 2 == 1) { quotient += 1 }
        guard quotient > 0 else { return 0 }
        return .whole((whole < 0 ? "-" : "") + String(quotient) + String(repeating: "0", count: zeros))
    }

    private func fileSize(_ value: Value, binary: Bool) throws(JinjaError) -> String {
        guard let bytes = value.number ?? value.text.flatMap({ Double($0) }) else { throw .failure("a number of bytes was expected") }
        let base: Double = binary ? 1024 : 1000
        if bytes == 1 { return "1 Byte" }
        if bytes < base { return "\(Int(bytes)) Bytes" }
        var unit = base
        for prefix in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            unit *= base
            if bytes < unit || prefix == "Y" {
                return String(format: "%.1f ", base * bytes / unit) + (binary ? prefix.uppercased() + "iB" : prefix + "B")
            }
        }
        return ""
    }
}
