// `'{:>8}'.format(x)`.

extension Interpreter {
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
        case .int, .largeInt, .double: break
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
