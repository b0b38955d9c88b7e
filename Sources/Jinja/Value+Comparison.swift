// Python's `==`, `<` and `in`. Comparing charges steps, because a small template can build large shared values.

import JSONText

extension Interpreter {
    func areEqual(_ left: Value, _ right: Value) throws(JinjaError) -> Bool {
        try charge(1)
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let a), .string(let b)):
            try charge(text: a)
            return a.isIdentical(to: b)
        case (.array(let a), .array(let b)), (.tuple(let a), .tuple(let b)):
            guard a.count == b.count else { return false }
            for (x, y) in zip(a, b) { if !(try areEqual(x, y)) { return false } }
            return true
        case (.object(let a), .object(let b)):
            guard a.count == b.count else { return false }
            for (key, value) in a.pairs {
                guard let other = b.value(for: key), try areEqual(value, other) else { return false }
            }
            return true
        case (.runtime(let a), .runtime(let b)): return a == b
        default:
            return numericOrder(left, right) == 0
        }
    }

    /// Python's `left < right`.
    /// - Throws: when the two have no order, naming both types.
    func isLess(_ left: Value, _ right: Value, operation: String = "<") throws(JinjaError) -> Bool {
        try charge(1)
        switch (left, right) {
        case (.string(let a), .string(let b)):
            try charge(text: a)
            return a.isBefore(b)
        case (.array(let a), .array(let b)), (.tuple(let a), .tuple(let b)):
            for (x, y) in zip(a, b) where !(try areEqual(x, y)) { return try isLess(x, y, operation: operation) }
            return a.count < b.count
        case (.undefined(let reason), _), (_, .undefined(let reason)): throw .failure(reason)
        default:
            if left.number != nil, right.number != nil { return numericOrder(left, right) == -1 }
            throw .failure("'\(operation)' not supported between instances of '\(left.typeName)' and '\(right.typeName)'")
        }
    }

    func compare(_ left: Value, _ operation: ComparisonOperator, _ right: Value) throws(JinjaError) -> Bool {
        switch operation {
        case .equal: return try areEqual(left, right)
        case .notEqual: return !(try areEqual(left, right))
        case .less: return try isLess(left, right)
        case .greater: return try isLess(right, left, operation: ">")
        case .lessOrEqual: return try isLessOrEqual(left, right, operation: "<=")
        case .greaterOrEqual: return try isLessOrEqual(right, left, operation: ">=")
        case .contained: return try contains(right, left)
        case .notContained: return !(try contains(right, left))
        }
    }

    private func isLessOrEqual(_ left: Value, _ right: Value, operation: String) throws(JinjaError) -> Bool {
        // Not the negation of `>`: NaN is neither.
        if left.number != nil, right.number != nil { return numericOrder(left, right).map { $0 <= 0 } ?? false }
        if try isLess(left, right, operation: operation) { return true }
        return try areEqual(left, right)
    }

    /// Python's `item in container`.
    func contains(_ container: Value, _ item: Value) throws(JinjaError) -> Bool {
        switch container {
        case .undefined: return false
        case .string(let text):
            guard case .string(let wanted) = item else {
                if case .undefined(let reason) = item { throw .failure(reason) }
                throw .failure("'in <string>' requires string as left operand, not \(item.typeName)")
            }
            try charge(text: text)
            return text.includes(wanted)
        case .array(let items), .tuple(let items):
            for candidate in items where try areEqual(candidate, item) { return true }
            return false
        case .object(let object):
            guard HashKey(item) != nil || item.isUndefined else { throw .failure("unhashable type: '\(item.typeName)'") }
            return object.value(for: item) != nil
        default: throw .failure("argument of type '\(container.typeName)' is not iterable")
        }
    }

    /// Sorts stably by a throwing order.
    func sorted(_ items: [Value], by isBefore: (Value, Value) throws(JinjaError) -> Bool) throws(JinjaError) -> [Value] {
        guard items.count > 1 else { return items }
        let middle = items.count / 2
        let left = try sorted(Array(items[..<middle]), by: isBefore)
        let right = try sorted(Array(items[middle...]), by: isBefore)
        var merged: [Value] = []
        merged.reserveCapacity(items.count)
        var (a, b) = (0, 0)
        while a < left.count, b < right.count {
            if try isBefore(right[b], left[a]) {
                merged.append(right[b])
                b += 1
            } else {
                merged.append(left[a])
                a += 1
            }
        }
        return merged + left[a...] + right[b...]
    }
}
