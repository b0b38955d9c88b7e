import Foundation

extension Interpreter {
    func applyTextFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        guard Self.textFilters.contains(name) else { return nil }
        if name == "urlencode", value.text == nil { return .string(try encodeQuery(value)) }
        if value.text == nil, name == "truncate" { return try truncateOther(value, arguments) }
        if value.text == nil, name == "indent" { throw .failure("indent needs a string, not \(value.typeName)") }
        let text = try text(of: value)
        try charge(text: text)
        let result: String
        switch name {
        case "upper": result = text.uppercased()
        case "lower": result = text.lowercased()
        case "capitalize": result = text.pythonCapitalized
        case "title": result = titleWords(text)
        case "trim": result = text.stripped(try arguments.bind(name, "chars").optional(0)?.text)
        case "string", "safe": result = text
        case "escape", "e", "forceescape": result = escapeMarkup(text)
        case "striptags": result = stripTags(text)
        case "replace":
            let bound = try arguments.bind(name, "old", "new", "count")
            let limit = try bound.optional(2) == nil ? .max : bound.limit(2)
            result = try replace(text, try self.text(of: bound.required(0)), try self.text(of: bound.required(1)), limit: limit)
        case "format":
            result = try formatPercent(text, arguments.named.isEmpty ? .tuple(arguments.positional) : named(arguments.named))
        case "indent": result = try indent(text, try arguments.bind(name, "width", "first", "blank"))
        case "truncate": result = try truncate(text, try arguments.bind(name, "length", "killwords", "end", "leeway"))
        case "center":
            result = try pad(text, width: try arguments.bind(name, "width").integer(0, default: 80), fill: " ", align: "^")
        case "wordcount": return .int(countWords(text))
        case "wordwrap": result = try wrap(text, try arguments.bind(name, "width", "break_long_words", "wrapstring", "break_on_hyphens"))
        default: result = percentEncode(text, keeping: "/")
        }
        try check(result)
        return .string(result)
    }

    private static let textFilters: Set<String> = [
        "upper", "lower", "capitalize", "title", "trim", "string", "safe", "escape", "e", "forceescape", "striptags", "replace", "format",
        "indent", "truncate", "center", "wordcount", "wordwrap", "urlencode",
    ]

    private func named(_ arguments: [(name: String, value: Value)]) -> Value {
        .object(OrderedObject(arguments.map { ($0.name, $0.value) }))
    }

    /// `replace` with its result bounded before it is made.
    func replace(_ text: String, _ old: String, _ new: String, limit: Int) throws(JinjaError) -> String {
        try charge(text: text)
        let places = old.isEmpty ? text.unicodeScalars.count + 1 : text.occurrences(of: old, limit: limit).count
        let (growth, overflow) = places.multipliedReportingOverflow(by: new.utf8.count)
        try check(bytes: overflow ? .max : text.utf8.count + growth)
        try charge(1 + growth / RenderLimits.bytesPerStep)
        return text.replacing(old, by: new, limit: limit)
    }

    /// jinja2's `title`: words start after white space, hyphens and opening brackets.
    private func titleWords(_ text: String) -> String {
        var out = ""
        var startsWord = true
        for scalar in text.unicodeScalars {
            if scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar) {
                out.unicodeScalars.append(scalar)
                startsWord = true
            } else {
                out += startsWord ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
                startsWord = false
            }
        }
        return out
    }

    private func escapeMarkup(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "'": out += "&#39;"
            case "\"": out += "&#34;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private func stripTags(_ text: String) -> String {
        var kept = ""
        var rest = text[...]
        while let open = rest.range(of: "<") {
            kept += rest[..<open.lowerBound]
            let tail = rest[open.lowerBound...]
            let isComment = tail.hasPrefix("<!--")
            guard let close = tail.range(of: isComment ? "-->" : ">") else {
                rest = tail
                break
            }
            rest = tail[close.upperBound...]
        }
        kept += rest
        var plain = kept.splitOnSpace().joined(separator: " ")
        for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&quot;", "\""), ("&amp;", "&")] {
            plain = plain.replacing(entity, by: character)
        }
        return plain
    }

    private func indent(_ text: String, _ bound: BoundArguments) throws(JinjaError) -> String {
        let indentation: String
        if case .string(let given)? = bound[0] {
            indentation = given
        } else {
            let width = try bound.integer(0, default: 4)
            try check(bytes: width)
            indentation = String(repeating: " ", count: max(0, width))
        }
        let lines = (text + "\n").splitLines()
        try check(bytes: lines.count.multipliedReportingOverflow(by: indentation.utf8.count + 1).partialValue)
        var out = lines[0]
        for line in lines.dropFirst() { out += "\n" + (line.isEmpty && !bound.flag(2) ? "" : indentation) + line }
        return bound.flag(1) ? indentation + out : out
    }

    private func truncate(_ text: String, _ bound: BoundArguments) throws(JinjaError) -> String {
        let length = try bound.integer(0, default: 255)
        let end = try bound.text(2, default: "...")
        let leeway = try bound.optional(3) == nil ? 5 : bound.integer(3, default: 5)
        let scalars = text.scalars
        let endLength = end.unicodeScalars.count
        guard length >= endLength, leeway >= 0 else {
            throw .failure("truncate needs a length of at least \(endLength) and a leeway of at least 0")
        }
        if scalars.count <= length.addingReportingOverflow(leeway).partialValue { return text }
        let head = String(scalars[..<(length - endLength)])
        return (bound.flag(1) ? head : head.splitFromRight(on: " ", limit: 1)[0]) + end
    }

    /// `truncate` of something else than a string hands on what is short enough, as jinja2 does.
    private func truncateOther(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let bound = try arguments.bind("truncate", "length", "killwords", "end", "leeway")
        let limit = try bound.integer(0, default: 255).addingReportingOverflow(bound.integer(3, default: 5)).partialValue
        guard try length(of: value) <= limit else { throw .failure("truncate needs a string, not \(value.typeName)") }
        return value
    }

    private func countWords(_ text: String) -> Int {
        var words = 0
        var isInside = false
        for scalar in text.unicodeScalars {
            let isPart = scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            if isPart, !isInside { words += 1 }
            isInside = isPart
        }
        return words
    }

    private func wrap(_ text: String, _ bound: BoundArguments) throws(JinjaError) -> String {
        let width = try bound.integer(0, default: 79)
        let breaksLongWords = bound[1]?.isTrue ?? true
        let separator = try bound.optional(2) == nil ? "\n" : bound.text(2)
        guard width > 0 else { throw .failure("wordwrap needs a positive width") }
        var lines: [String] = []
        for paragraph in text.splitLines() {
            var line: [Unicode.Scalar] = []
            for word in paragraph.splitOnSpace() {
                var letters = word.scalars
                if !line.isEmpty, line.count + 1 + letters.count > width {
                    lines.append(String(line[...]))
                    line = []
                }
                while breaksLongWords, line.isEmpty, letters.count > width {
                    lines.append(String(letters[..<width]))
                    letters.removeFirst(width)
                }
                line += line.isEmpty ? letters : [" "] + letters
            }
            lines.append(String(line[...]))
        }
        return lines.joined(separator: separator)
    }

    // MARK: URLs

    private func percentEncode(_ text: String, keeping kept: String) -> String {
        var out = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            let isKept = byte < 0x80 && (scalar.properties.isAlphabetic || scalar.isASCIIDigit || "_.-~".unicodeScalars.contains(scalar))
            if isKept || kept.utf8.contains(byte) {
                out.unicodeScalars.append(scalar)
            } else {
                out += String(format: "%%%02X", byte)
            }
        }
        return out
    }

    private func encodeQuery(_ value: Value) throws(JinjaError) -> String {
        let pairs: [Value]
        switch value {
        case .object(let object): pairs = items(of: object)
        case .array(let list), .tuple(let list): pairs = list
        default: return percentEncode(try text(of: value), keeping: "/")
        }
        var parts: [String] = []
        for pair in pairs {
            let sides = try elements(of: pair)
            guard sides.count == 2 else { throw .failure("urlencode needs pairs of key and value") }
            var encoded: [String] = []
            for side in sides {
                encoded.append(percentEncode(try text(of: side), keeping: "").replacing("%20", by: "+"))
            }
            parts.append(encoded.joined(separator: "="))
        }
        return parts.joined(separator: "&")
    }
}
