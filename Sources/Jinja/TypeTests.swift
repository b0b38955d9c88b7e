extension Interpreter {
    /// `value is test(arguments)`.
    func satisfies(_ value: Value, test: String, _ arguments: CallArguments) throws(JinjaError) -> Bool {
        if let result = satisfiesKind(value, test) { return result }
        func other() throws(JinjaError) -> Value { try arguments.bind(test, "other").required(0) }
        switch test {
        case "eq", "==", "equalto": return try compare(value, .equal, try other())
        case "ne", "!=": return try compare(value, .notEqual, try other())
        case "lt", "<", "lessthan": return try compare(value, .less, try other())
        case "le", "<=": return try compare(value, .lessOrEqual, try other())
        case "gt", ">", "greaterthan": return try compare(value, .greater, try other())
        case "ge", ">=": return try compare(value, .greaterOrEqual, try other())
        case "in": return try contains(try other(), value)
        case "sameas": return try isSame(value, try other())
        case "odd": return try compare(try apply(.remainder, value, 2), .equal, 1)
        case "even": return try compare(try apply(.remainder, value, 2), .equal, 0)
        case "divisibleby": return try compare(try apply(.remainder, value, try other()), .equal, 0)
        case "lower": return try text(of: value).hasOnlyCase(upper: false)
        case "upper": return try text(of: value).hasOnlyCase(upper: true)
        case "filter", "test": throw .failure("the test '\(test)' is not supported")
        default: throw .failure("No test named '\(test)'.")
        }
    }

    /// Tests that look at the kind of value only; nil when `test` is not one of them.
    private func satisfiesKind(_ value: Value, _ test: String) -> Bool? {
        switch test {
        case "defined": return !value.isUndefined
        case "undefined": return value.isUndefined
        case "none": return value.isNone
        case "string": return value.text != nil
        case "boolean": if case .bool = value { return true } else { return false }
        case "true": if case .bool(true) = value { return true } else { return false }
        case "false": if case .bool(false) = value { return true } else { return false }
        case "integer": return value.typeName == "int"
        case "float": if case .double = value { return true } else { return false }
        case "number": return value.number != nil
        case "mapping": if case .object = value { return true } else { return false }
        case "escaped": return false
        case "sequence":
            switch value {
            case .string, .array, .tuple, .object, .undefined: return true
            default: return false
            }
        case "iterable":
            switch value {
            case .string, .array, .tuple, .object, .undefined: return true
            case .runtime(let object): return object.kind == .loop
            default: return false
            }
        case "callable":
            switch value {
            // jinja2's undefined has a `__call__`, which then fails.
            case .callable, .undefined: return true
            case .runtime(let object): return object.kind == .joiner || object.kind == .loop
            default: return false
            }
        default: return nil
        }
    }

    /// Identity, as far as values have one: the same kind and equal.
    private func isSame(_ left: Value, _ right: Value) throws(JinjaError) -> Bool {
        guard left.typeName == right.typeName else { return false }
        return try areEqual(left, right)
    }
}
