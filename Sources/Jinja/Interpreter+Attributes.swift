// `a.b` and `a[b]`: attributes first for the dot, items first for the brackets, then the other, then undefined.

extension Interpreter {
    func attribute(_ name: String, of value: Value) throws(JinjaError) -> Value {
        if let found = try ownAttribute(name, of: value) { return found }
        if case .object(let object) = value, let member = object[name] { return member }
        return .undefined(reason: "'\(value.holderName)' has no attribute '\(name)'")
    }

    /// A method, or an attribute of a runtime object; nil when there is none.
    func ownAttribute(_ name: String, of value: Value) throws(JinjaError) -> Value? {
        switch value {
        case .undefined(let reason): throw .failure(reason)
        case .string: return Self.stringMethods.contains(name) ? .callable(.method(value, name)) : nil
        case .array:
            if Self.listMutations.contains(name) { return unsafe(name, value) }
            return Self.listMethods.contains(name) ? .callable(.method(value, name)) : nil
        case .tuple(let items):
            // What `groupby` yields is a pair with names.
            if items.count == 2, name == "grouper" { return items[0] }
            if items.count == 2, name == "list" { return items[1] }
            return Self.tupleMethods.contains(name) ? .callable(.method(value, name)) : nil
        case .object:
            if Self.objectMutations.contains(name) { return unsafe(name, value) }
            return Self.objectMethods.contains(name) ? .callable(.method(value, name)) : nil
        case .double: return name == "is_integer" ? .callable(.method(value, name)) : nil
        case .runtime(let object): return try runtimeAttribute(name, of: object)
        case .callable(.macro(let index)): return macroAttribute(name, macros[index].definition)
        case .none, .bool, .int, .largeInt, .callable: return nil
        }
    }

    /// The sandbox lets nobody change a value: looking the method up works, calling it fails.
    private func unsafe(_ name: String, _ value: Value) -> Value {
        .undefined(reason: "access to attribute '\(name)' of '\(value.typeName)' object is unsafe.")
    }

    private func macroAttribute(_ name: String, _ macro: MacroDefinition) -> Value? {
        switch name {
        case "name": .string(macro.name)
        case "arguments": .tuple(macro.parameters.map { .string($0.name) })
        case "catch_varargs": .bool(macro.usesVarargs)
        case "catch_kwargs": .bool(macro.usesKwargs)
        case "caller": .bool(macro.usesCaller)
        default: nil
        }
    }

    func item(_ key: Value, of value: Value) throws(JinjaError) -> Value {
        switch value {
        case .undefined(let reason): throw .failure(reason)
        case .object(let object):
            if let member = object.value(for: key) { return member }
        case .array(let items), .tuple(let items):
            if let index = key.integer {
                let place = index < 0 ? index + items.count : index
                return items.indices.contains(place) ? items[place] : missingElement(key, value)
            }
        case .string(let text):
            if let index = key.integer {
                try charge(text: text)
                let scalars = text.unicodeScalars
                if let place = scalars.index(
                    index < 0 ? scalars.endIndex : scalars.startIndex, offsetBy: index,
                    limitedBy: index < 0 ? scalars.startIndex : scalars.endIndex),
                    place < scalars.endIndex
                {
                    return .string(String(scalars[place]))
                }
                return missingElement(key, value)
            }
        default: break
        }
        guard case .string(let name) = key else { return missingElement(key, value) }
        return try ownAttribute(name, of: value) ?? .undefined(reason: "'\(value.holderName)' has no attribute '\(name)'")
    }

    private func missingElement(_ key: Value, _ value: Value) -> Value {
        let shown = key.integer.map(String.init) ?? "of type \(key.typeName)"
        return .undefined(reason: "\(value.holderName) has no element \(shown)")
    }

    /// The value behind a filter's `attribute` argument: an index, or names and indices joined by dots.
    func attribute(path: Value, of value: Value) throws(JinjaError) -> Value {
        guard case .string(let names) = path else { return try item(path, of: value) }
        var found = value
        for name in names.split(on: ".") {
            found = try item(Int(name).map(Value.int) ?? .string(name), of: found)
        }
        return found
    }
}
