extension Interpreter {
    func applySequenceFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        switch name {
        case "length", "count": return .int(try length(of: value))
        case "list": return .array(try elements(of: value))
        case "first": return try elements(of: value).first ?? .undefined(reason: "No first item, sequence was empty.")
        case "last": return try elements(of: value).last ?? .undefined(reason: "No last item, sequence was empty.")
        case "reverse":
            if case .string(let text) = value { return .string(String(text.scalars.reversed()[...])) }
            return .array(try elements(of: value).reversed())
        case "join": return .string(try join(value, try arguments.bind(name, "d", "attribute")))
        case "sum": return try sum(value, try arguments.bind(name, "attribute", "start"))
        case "min": return try extreme(value, try arguments.bind(name, "case_sensitive", "attribute"), largest: false)
        case "max": return try extreme(value, try arguments.bind(name, "case_sensitive", "attribute"), largest: true)
        case "sort": return .array(try sort(value, try arguments.bind(name, "reverse", "case_sensitive", "attribute")))
        case "unique": return .array(try unique(value, try arguments.bind(name, "case_sensitive", "attribute")))
        case "groupby": return .array(try group(value, try arguments.bind(name, "attribute", "default", "case_sensitive")))
        case "batch": return .array(try batch(value, try arguments.bind(name, "linecount", "fill_with")))
        case "slice": return .array(try columns(value, try arguments.bind(name, "slices", "fill_with")))
        default: return nil
        }
    }

    func length(of value: Value) throws(JinjaError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try charge(text: text)
            return text.unicodeScalars.count
        case .array(let items), .tuple(let items): return items.count
        case .object(let object): return object.count
        case .runtime(let object) where object.kind == .loop: return try elements(of: value).count
        default: throw .failure("object of type '\(value.typeName)' has no len()")
        }
    }

    /// The elements, or one attribute of each.
    private func elements(of value: Value, attribute: Value?) throws(JinjaError) -> [Value] {
        let items = try elements(of: value)
        guard let attribute else { return items }
        var found: [Value] = []
        for item in items { found.append(try self.attribute(path: attribute, of: item)) }
        return found
    }

    private func join(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> String {
        let separator = try bound[0].map { (v) throws(JinjaError) in try text(of: v) } ?? ""
        return try join(try elements(of: value, attribute: bound.optional(1)), separator: separator)
    }

    func join(_ items: [Value], separator: String) throws(JinjaError) -> String {
        var out = ""
        for (position, item) in items.enumerated() {
            if position > 0 { out += separator }
            let piece = try text(of: item)
            try charge(text: piece)
            try charge(text: separator)
            out += piece
            try check(out)
        }
        return out
    }

    private func sum(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> Value {
        var total = bound[1] ?? 0
        if case .string = total { throw .failure("sum() can't sum strings [use ''.join(seq) instead]") }
        for item in try elements(of: value, attribute: bound.optional(0)) { total = try apply(.add, total, item) }
        return total
    }

    private func extreme(_ value: Value, _ bound: BoundArguments, largest: Bool) throws(JinjaError) -> Value {
        let items = try elements(of: value)
        let keys = try elements(of: value, attribute: bound.optional(1)).map { foldCase($0, unless: bound.flag(0)) }
        guard var best = items.indices.first else { return .undefined(reason: "No aggregated item, sequence was empty.") }
        for place in items.indices.dropFirst() {
            if try largest ? isLess(keys[best], keys[place]) : isLess(keys[place], keys[best]) { best = place }
        }
        return items[best]
    }

    private func sort(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> [Value] {
        let items = try elements(of: value)
        var paths: [Value?] = [bound.optional(2)]
        if case .string(let names)?? = paths.first { paths = names.split(on: ",").map { .string($0) } }
        var keyed: [(Value, Value)] = []
        for item in items {
            var keys: [Value] = []
            for path in paths {
                let key = try path.map { (p) throws(JinjaError) in try attribute(path: p, of: item) } ?? item
                keys.append(foldCase(key, unless: bound.flag(1)))
            }
            // Compared as lists: equal keys are then never asked for their order, which undefined ones do not have.
            keyed.append((.array(keys), item))
        }
        return try sortedPairs(keyed, descending: bound.flag(0))
    }

    private func unique(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> [Value] {
        let items = try elements(of: value)
        let keys = try elements(of: value, attribute: bound.optional(1))
        var seen: Set<HashKey> = []
        var kept: [Value] = []
        for (item, key) in zip(items, keys) {
            guard let hash = HashKey(foldCase(key, unless: bound.flag(0))) else { throw .failure("unhashable type: '\(key.typeName)'") }
            if seen.insert(hash).inserted { kept.append(item) }
        }
        return kept
    }

    private func group(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> [Value] {
        let path = try bound.required(0)
        var keyed: [(Value, Value)] = []
        for item in try elements(of: value) {
            var key = try attribute(path: path, of: item)
            if key.isUndefined, let standard = bound[1] { key = standard }
            keyed.append((foldCase(key, unless: bound.flag(2)), .tuple([key, item])))
        }
        var groups: [(folded: Value, shown: Value, members: [Value])] = []
        for pair in try sortedPairs(keyed, descending: false) {
            guard case .tuple(let parts) = pair else { continue }
            let folded = foldCase(parts[0], unless: bound.flag(2))
            if let last = groups.last, try areEqual(last.folded, folded) {
                groups[groups.count - 1].members.append(parts[1])
            } else {
                groups.append((folded, parts[0], [parts[1]]))
            }
        }
        return groups.map { .tuple([$0.shown, .array($0.members)]) }
    }

    private func batch(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> [Value] {
        let size = try bound.integer(0, default: nil)
        guard size > 0 else { throw .failure("batch needs a positive size") }
        let items = try elements(of: value)
        if bound.optional(1) != nil { try charge(size) }
        var rows: [Value] = []
        for start in stride(from: 0, to: items.count, by: min(size, items.count + 1)) {
            var row = Array(items[start..<start + min(size, items.count - start)])
            if let fill = bound.optional(1), row.count < size {
                row += repeatElement(fill, count: size - row.count)
            }
            rows.append(.array(row))
        }
        return rows
    }

    private func columns(_ value: Value, _ bound: BoundArguments) throws(JinjaError) -> [Value] {
        let slices = try bound.integer(0, default: nil)
        guard slices > 0 else { throw .failure("slice needs a positive number of slices") }
        try charge(slices)
        let items = try elements(of: value)
        let (size, longer) = items.count.quotientAndRemainder(dividingBy: slices)
        var rows: [Value] = []
        var start = 0
        for slice in 0..<slices {
            let end = start + size + (slice < longer ? 1 : 0)
            var row = Array(items[start..<end])
            if let fill = bound.optional(1), slice >= longer { row.append(fill) }
            rows.append(.array(row))
            start = end
        }
        return rows
    }

    // MARK: map, select, reject

    func applySelectionFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        switch name {
        case "map": return .array(try map(value, arguments))
        case "select": return .array(try select(value, arguments, byAttribute: false, keep: true))
        case "reject": return .array(try select(value, arguments, byAttribute: false, keep: false))
        case "selectattr": return .array(try select(value, arguments, byAttribute: true, keep: true))
        case "rejectattr": return .array(try select(value, arguments, byAttribute: true, keep: false))
        default: return nil
        }
    }

    private func map(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> [Value] {
        var results: [Value] = []
        // jinja2 takes anything false for an empty sequence here and in `select`.
        guard value.isTrue else { return [] }
        if arguments.positional.isEmpty {
            let bound = try arguments.bind("map", "attribute", "default")
            let path = try bound.required(0)
            for item in try elements(of: value) {
                let found = try attribute(path: path, of: item)
                results.append(found.isUndefined ? bound[1] ?? found : found)
            }
            return results
        }
        guard case .string(let filter) = arguments.positional[0] else { throw .failure("map needs the name of a filter") }
        let rest = CallArguments(Array(arguments.positional.dropFirst()), named: arguments.named)
        for item in try elements(of: value) { results.append(try apply(filter: filter, to: item, rest)) }
        return results
    }

    private func select(_ value: Value, _ arguments: CallArguments, byAttribute: Bool, keep: Bool) throws(JinjaError) -> [Value] {
        guard value.isTrue else { return [] }
        var rest = arguments.positional[...]
        let path = byAttribute ? rest.popFirst() : nil
        if byAttribute, path == nil { throw .failure("Missing parameter for attribute name") }
        let test = rest.popFirst()
        var kept: [Value] = []
        for item in try elements(of: value) {
            let subject = try path.map { (p) throws(JinjaError) in try attribute(path: p, of: item) } ?? item
            let holds: Bool
            if let test {
                guard case .string(let name) = test else { throw .failure("the name of a test was expected") }
                holds = try satisfies(subject, test: name, CallArguments(Array(rest), named: arguments.named))
            } else {
                holds = subject.isTrue
            }
            if holds == keep { kept.append(item) }
        }
        return kept
    }
}
