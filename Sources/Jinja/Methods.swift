// The methods of Python's `str`, `list`, `tuple` and `dict` that the sandbox allows.

extension Interpreter {
    static let stringMethods: Set<String> = [
        "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "index", "isalnum", "isalpha", "isascii",
        "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "isupper", "join", "ljust", "lower", "lstrip", "partition",
        "removeprefix",
        "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith",
        "strip",
        "swapcase", "title", "upper", "zfill",
    ]
    static let listMethods: Set<String> = ["index", "count", "copy"]
    static let tupleMethods: Set<String> = ["index", "count"]
    static let objectMethods: Set<String> = ["get", "items", "keys", "values", "copy"]
    static let listMutations: Set<String> = ["append", "reverse", "insert", "sort", "extend", "remove", "clear", "pop"]
    static let objectMutations: Set<String> = ["clear", "pop", "popitem", "setdefault", "update"]

    func callMethod(_ name: String, of receiver: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch receiver {
        case .string(let text):
            try charge(text: text)
            return try callStringMethod(name, text, arguments)
        case .array(let items), .tuple(let items): return try callSequenceMethod(name, receiver, items, arguments)
        case .object(let object): return try callObjectMethod(name, object, arguments)
        case .double(let number): return .bool(number.rounded() == number)
        case .runtime(let object): return try callRuntimeMethod(name, of: object, arguments)
        default: throw .failure("'\(receiver.typeName)' object has no method '\(name)'")
        }
    }

    private func callSequenceMethod(_ name: String, _ receiver: Value, _ items: [Value], _ arguments: CallArguments) throws(JinjaError)
        -> Value
    {
        if name == "copy" { return receiver }
        let wanted = try arguments.bind(name, "value").required(0)
        var found = 0
        for (place, item) in items.enumerated() where try areEqual(item, wanted) {
            if name == "index" { return .int(place) }
            found += 1
        }
        guard name == "count" else { throw .failure("the value is not in the list") }
        return .int(found)
    }

    private func callObjectMethod(_ name: String, _ object: OrderedObject, _ arguments: CallArguments) throws(JinjaError) -> Value {
        try charge(name == "get" ? 1 : object.count)
        switch name {
        case "get":
            let bound = try arguments.bind(name, "key", "default")
            let key = try bound.required(0)
            guard HashKey(key) != nil || key.isUndefined else { throw .failure("unhashable type: '\(key.typeName)'") }
            return object.value(for: key) ?? bound[1] ?? .none
        case "items": return .array(items(of: object))
        case "keys": return .array(object.keys)
        case "values": return .array(object.values)
        default: return .object(object)
        }
    }

    private func callStringMethod(_ name: String, _ text: String, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch name {
        case "upper": return .string(text.uppercased())
        case "lower", "casefold": return .string(text.lowercased())
        case "capitalize": return .string(text.pythonCapitalized)
        case "title": return .string(text.pythonTitle)
        case "swapcase":
            return .string(
                text.unicodeScalars.map { $0.properties.isUppercase ? $0.properties.lowercaseMapping : $0.properties.uppercaseMapping }
                    .joined())
        case "strip", "lstrip", "rstrip":
            let set = try arguments.bind(name, "chars")
            let characters: String? = try set.optional(0) == nil ? nil : set.text(0)
            return .string(text.stripped(characters, left: name != "rstrip", right: name != "lstrip"))
        case "startswith", "endswith":
            return .bool(try hasAffix(text, try arguments.bind(name, "affix", "start", "end"), atStart: name == "startswith"))
        case "removeprefix", "removesuffix": return .string(try withoutAffix(name, text, try arguments.bind(name, "affix").text(0)))
        case "split", "rsplit": return .array(try split(text, try arguments.bind(name, "sep", "maxsplit"), fromRight: name == "rsplit"))
        case "splitlines": return .array(text.splitLines(keepingEnds: try arguments.bind(name, "keepends").flag(0)).map(Value.string))
        case "partition", "rpartition":
            return .tuple(try partition(text, try arguments.bind(name, "sep").text(0), last: name == "rpartition"))
        case "replace":
            let bound = try arguments.bind(name, "old", "new", "count")
            return .string(try replace(text, try bound.text(0), try bound.text(1), limit: try bound.limit(2)))
        case "join": return .string(try joinStrings(text, try arguments.bind(name, "iterable").required(0)))
        case "format": return .string(try formatBraces(text, arguments))
        case "find", "rfind", "index", "rindex", "count":
            return .int(try search(name, text, try arguments.bind(name, "sub", "start", "end")))
        case "center", "ljust", "rjust":
            let bound = try arguments.bind(name, "width", "fillchar")
            let fill = try bound.text(1, default: " ")
            guard fill.unicodeScalars.count == 1 else { throw .failure("the fill character must be exactly one character long") }
            return .string(
                try pad(
                    text, width: try bound.integer(0, default: nil), fill: fill, align: name == "center" ? "^" : name == "ljust" ? "<" : ">"
                ))
        case "zfill": return .string(try padNumber(text, width: try arguments.bind(name, "width").integer(0, default: nil)))
        case "expandtabs": return .string(try expandTabs(text, try arguments.bind(name, "tabsize").integer(0, default: 8)))
        case "islower", "isupper": return .bool(text.hasOnlyCase(upper: name == "isupper"))
        case "isascii": return .bool(text.utf8.allSatisfy { $0 < 0x80 })
        default: return .bool(!text.isEmpty && text.unicodeScalars.allSatisfy { belongs($0, to: name) })
        }
    }

    private func belongs(_ scalar: Unicode.Scalar, to method: String) -> Bool {
        let properties = scalar.properties
        let isLetter: Bool
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: isLetter = true
        default: isLetter = false
        }
        switch method {
        case "isspace": return scalar.isPythonSpace
        case "isalpha": return isLetter
        case "isdecimal": return properties.generalCategory == .decimalNumber
        case "isdigit": return properties.numericType == .decimal || properties.numericType == .digit
        case "isnumeric": return properties.numericType != nil
        default: return isLetter || properties.numericType != nil
        }
    }

    /// `text[start:end]` as string methods cut it, and the offset of its first code point.
    private func window(_ text: String, _ bound: BoundArguments) throws(JinjaError) -> (text: String, offset: Int)? {
        guard bound.optional(1) != nil || bound.optional(2) != nil else { return (text, 0) }
        let scalars = text.scalars
        func clamp(_ position: Int, _ standard: Int) throws(JinjaError) -> Int {
            guard bound.optional(position) != nil else { return standard }
            let index = try bound.integer(position, default: standard)
            return index < 0 ? max(0, index + scalars.count) : index
        }
        let (start, end) = (try clamp(1, 0), min(try clamp(2, scalars.count), scalars.count))
        return start <= end ? (String(scalars[start..<end]), start) : nil
    }

    private func hasAffix(_ text: String, _ bound: BoundArguments, atStart: Bool) throws(JinjaError) -> Bool {
        guard let part = try window(text, bound)?.text else { return false }
        let affixes: [Value]
        if case .tuple(let several) = try bound.required(0) { affixes = several } else { affixes = [try bound.required(0)] }
        for affix in affixes {
            guard case .string(let affix) = affix else {
                throw .failure("\(bound.callee) needs a string or a tuple of strings, not \(affix.typeName)")
            }
            if atStart ? part.utf8.starts(with: affix.utf8) : part.utf8.reversed().starts(with: affix.utf8.reversed()) { return true }
        }
        return false
    }

    private func withoutAffix(_ name: String, _ text: String, _ affix: String) throws(JinjaError) -> String {
        let (size, cut) = (text.utf8.count, affix.utf8.count)
        if name == "removeprefix" { return text.utf8.starts(with: affix.utf8) ? text.bytes(cut..<size) : text }
        return text.utf8.reversed().starts(with: affix.utf8.reversed()) ? text.bytes(0..<size - cut) : text
    }

    private func split(_ text: String, _ bound: BoundArguments, fromRight: Bool) throws(JinjaError) -> [Value] {
        let limit = try bound.limit(1)
        let parts: [String]
        if bound.optional(0) == nil {
            try charge(text.utf8.count / 2)
            parts = fromRight ? text.splitOnSpaceFromRight(limit: limit) : text.splitOnSpace(limit: limit)
        } else {
            let separator = try bound.text(0)
            guard !separator.isEmpty else { throw .failure("empty separator") }
            try charge(text.occurrences(of: separator, limit: limit).count)
            parts = fromRight ? text.splitFromRight(on: separator, limit: limit) : text.split(on: separator, limit: limit)
        }
        return parts.map(Value.string)
    }

    private func partition(_ text: String, _ separator: String, last: Bool) throws(JinjaError) -> [Value] {
        guard !separator.isEmpty else { throw .failure("empty separator") }
        let parts = last ? text.splitFromRight(on: separator, limit: 1) : text.split(on: separator, limit: 1)
        if parts.count == 2 { return [.string(parts[0]), .string(separator), .string(parts[1])] }
        return last ? ["", "", .string(text)] : [.string(text), "", ""]
    }

    private func joinStrings(_ separator: String, _ iterable: Value) throws(JinjaError) -> String {
        let items = try elements(of: iterable)
        for (place, item) in items.enumerated() where item.text == nil {
            throw .failure("sequence item \(place): expected str instance, \(item.typeName) found")
        }
        return try join(items, separator: separator)
    }

    private func search(_ name: String, _ text: String, _ bound: BoundArguments) throws(JinjaError) -> Int {
        let wanted = try bound.text(0)
        let part = try window(text, bound)
        if name == "count" {
            guard let part else { return 0 }
            return wanted.isEmpty ? part.text.unicodeScalars.count + 1 : part.text.occurrences(of: wanted).count
        }
        if let part {
            if wanted.isEmpty { return part.offset + (name.hasPrefix("r") ? part.text.unicodeScalars.count : 0) }
            let place = name.hasPrefix("r") ? lastOccurrence(of: wanted, in: part.text) : part.text.occurrences(of: wanted, limit: 1).first
            if let place { return part.offset + part.text.bytes(0..<place).unicodeScalars.count }
        }
        guard name.hasSuffix("find") else { throw .failure("substring not found") }
        return -1
    }

    private func lastOccurrence(of wanted: String, in text: String) -> Int? {
        let (bytes, needle) = (Array(text.utf8), Array(wanted.utf8))
        guard needle.count <= bytes.count else { return nil }
        return stride(from: bytes.count - needle.count, through: 0, by: -1).first { bytes[$0..<$0 + needle.count].elementsEqual(needle) }
    }

    /// Pads to `width` code points; `align` is `<`, `>` or `^`.
    func pad(_ text: String, width: Int, fill: String, align: String) throws(JinjaError) -> String {
        let length = text.unicodeScalars.count
        guard width > length else { return text }
        try check(bytes: width)
        let gap = width - length
        // Python's center puts the odd space on the left when the width is odd.
        let left = align == "<" ? 0 : align == ">" ? gap : gap / 2 + (gap & width & 1)
        return String(repeating: fill, count: left) + text + String(repeating: fill, count: gap - left)
    }

    /// Tabs reach to the next multiple of `size` columns, counted from the last line break.
    private func expandTabs(_ text: String, _ size: Int) throws(JinjaError) -> String {
        let tabs = text.utf8.count { $0 == UInt8(ascii: "\t") }
        let (growth, overflow) = max(0, size).multipliedReportingOverflow(by: tabs)
        try check(bytes: overflow ? .max : text.utf8.count + growth)
        var out = ""
        var column = 0
        for scalar in text.unicodeScalars {
            guard scalar == "\t" else {
                out.unicodeScalars.append(scalar)
                column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
                continue
            }
            guard size > 0 else { continue }
            let spaces = size - column % size
            out += String(repeating: " ", count: spaces)
            column += spaces
        }
        return out
    }

    private func padNumber(_ text: String, width: Int) throws(JinjaError) -> String {
        let hasSign = text.hasPrefix("-") || text.hasPrefix("+")
        let padded = try pad(hasSign ? String(text.dropFirst()) : text, width: hasSign ? width - 1 : width, fill: "0", align: ">")
        return hasSign ? String(text.prefix(1)) + padded : padded
    }
}
