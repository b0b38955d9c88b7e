extension Interpreter {
    func evaluate(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        try enter()
        defer { leave() }
        switch expression {
        case .constant(let value): return value
        case .name(let name): return value(of: name, in: scope)
        case .list(let items): return .array(try evaluate(items, in: scope))
        case .tuple(let items): return .tuple(try evaluate(items, in: scope))
        case .mapping(let pairs): return try evaluateMapping(pairs, in: scope)
        case .unary(let operation, let operand): return try apply(operation, try evaluate(operand, in: scope))
        case .binary(let operation, let left, let right): return try evaluateBinary(operation, left, right, in: scope)
        case .concatenation(let parts): return try evaluateConcatenation(parts, in: scope)
        case .and(let left, let right): return try evaluateAnd(left, right, in: scope)
        case .or(let left, let right): return try evaluateOr(left, right, in: scope)
        case .comparison(let first, let rest): return try evaluateComparison(first, rest, in: scope)
        case .conditional(let condition, let then, let otherwise): return try evaluateConditional(condition, then, otherwise, in: scope)
        case .attribute(let holder, let name): return try attribute(name, of: try evaluate(holder, in: scope))
        case .item(let holder, let key): return try evaluateItem(holder, key, in: scope)
        case .slice(let holder, let start, let stop, let step): return try evaluateSlice(holder, [start, stop, step], in: scope)
        case .call(let callee, let arguments): return try evaluateCall(callee, arguments, in: scope)
        case .filter(let operand, let filter): return try apply(filter, to: try evaluate(operand, in: scope), in: scope)
        case .test(let operand, let test): return try evaluateTest(operand, test, in: scope)
        }
    }

    // Every case has a method of its own, so that the frame of the recursive function above stays small.

    private func evaluate(_ items: [Expression], in scope: Scope) throws(JinjaError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(items.count)
        for item in items { values.append(try evaluate(item, in: scope)) }
        return values
    }

    private func evaluateMapping(_ pairs: [(key: Expression, value: Expression)], in scope: Scope) throws(JinjaError) -> Value {
        var object = OrderedObject()
        for pair in pairs {
            let key = try evaluate(pair.key, in: scope)
            guard object.insert(key, try evaluate(pair.value, in: scope)) else { throw .failure("unhashable type: '\(key.typeName)'") }
        }
        return .object(object)
    }

    private func evaluateBinary(
        _ operation: BinaryOperator, _ left: Expression, _ right: Expression, in scope: Scope
    ) throws(JinjaError) -> Value {
        try apply(operation, try evaluate(left, in: scope), try evaluate(right, in: scope))
    }

    private func evaluateConcatenation(_ parts: [Expression], in scope: Scope) throws(JinjaError) -> Value {
        var joined = ""
        for part in parts {
            let piece = try text(of: try evaluate(part, in: scope))
            try charge(text: piece)
            joined += piece
            try check(joined)
        }
        return .string(joined)
    }

    private func evaluateAnd(_ left: Expression, _ right: Expression, in scope: Scope) throws(JinjaError) -> Value {
        let first = try evaluate(left, in: scope)
        return first.isTrue ? try evaluate(right, in: scope) : first
    }

    private func evaluateOr(_ left: Expression, _ right: Expression, in scope: Scope) throws(JinjaError) -> Value {
        let first = try evaluate(left, in: scope)
        return first.isTrue ? first : try evaluate(right, in: scope)
    }

    private func evaluateComparison(
        _ first: Expression, _ rest: [(operation: ComparisonOperator, operand: Expression)], in scope: Scope
    ) throws(JinjaError) -> Value {
        var left = try evaluate(first, in: scope)
        for link in rest {
            let right = try evaluate(link.operand, in: scope)
            guard try compare(left, link.operation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    private func evaluateConditional(
        _ condition: Expression, _ then: Expression, _ otherwise: Expression?, in scope: Scope
    ) throws(JinjaError) -> Value {
        if try evaluate(condition, in: scope).isTrue { return try evaluate(then, in: scope) }
        guard let otherwise else { return .undefined(reason: "the inline if-expression evaluated to false and has no else part") }
        return try evaluate(otherwise, in: scope)
    }

    private func evaluateItem(_ holder: Expression, _ key: Expression, in scope: Scope) throws(JinjaError) -> Value {
        try item(try evaluate(key, in: scope), of: try evaluate(holder, in: scope))
    }

    private func evaluateSlice(_ holder: Expression, _ bounds: [Expression?], in scope: Scope) throws(JinjaError) -> Value {
        let value = try evaluate(holder, in: scope)
        var parts: [Value] = []
        for bound in bounds {
            if let bound { parts.append(try evaluate(bound, in: scope)) } else { parts.append(.none) }
        }
        return try slice(value, start: parts[0], stop: parts[1], step: parts[2])
    }

    private func evaluateCall(_ callee: Expression, _ arguments: ArgumentList, in scope: Scope) throws(JinjaError) -> Value {
        let function = try evaluate(callee, in: scope)
        return try call(function, try evaluate(arguments, in: scope))
    }

    private func evaluateTest(_ operand: Expression, _ test: FilterCall, in scope: Scope) throws(JinjaError) -> Value {
        let value = try evaluate(operand, in: scope)
        return .bool(try satisfies(value, test: test.name, try evaluate(test.arguments, in: scope)))
    }

    func apply(_ filter: FilterCall, to value: Value, in scope: Scope) throws(JinjaError) -> Value {
        try apply(filter: filter.name, to: value, try evaluate(filter.arguments, in: scope))
    }

    func evaluate(_ list: ArgumentList, in scope: Scope) throws(JinjaError) -> CallArguments {
        var arguments = CallArguments(try evaluate(list.positional, in: scope))
        for (name, expression) in list.named { arguments.named.append((name, try evaluate(expression, in: scope))) }
        if let unpacked = list.unpackedList { arguments.positional += try elements(of: try evaluate(unpacked, in: scope)) }
        if let unpacked = list.unpackedMapping {
            guard case .object(let object) = try evaluate(unpacked, in: scope) else {
                throw .failure("the argument after ** must be a mapping")
            }
            for (key, value) in object.pairs {
                guard case .string(let name) = key else { throw .failure("keywords must be strings") }
                arguments.named.append((name, value))
            }
        }
        return arguments
    }
}
