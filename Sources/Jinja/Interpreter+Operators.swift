import Foundation

// Arithmetic with Python's rules: floor division, sign of the divisor for remainders, true division, exact overflow errors.

extension Interpreter {
    func apply(_ operation: UnaryOperator, _ value: Value) throws(JinjaError) -> Value {
        if operation == .not { return .bool(!value.isTrue) }
        if case .undefined(let reason) = value { throw .failure(reason) }
        if case .double(let number) = value { return .double(operation == .negate ? -number : number) }
        if case .largeInt(let digits) = value {
            guard operation == .negate else { return value }
            return .whole(digits.hasPrefix("-") ? String(digits.dropFirst()) : "-" + digits)
        }
        guard let number = value.integer else { throw .failure("bad operand type for a sign: '\(value.typeName)'") }
        guard operation == .negate else { return .int(number) }
        return .int(try exact(0.subtractingReportingOverflow(number)))
    }

    func apply(_ operation: BinaryOperator, _ left: Value, _ right: Value) throws(JinjaError) -> Value {
        switch (operation, left, right) {
        case (.remainder, .string(let format), _): return .string(try formatPercent(format, right))
        case (_, .undefined(let reason), _), (_, _, .undefined(let reason)): throw .failure(reason)
        case (.add, .string(let a), .string(let b)):
            try charge(text: a)
            try charge(text: b)
            try check(bytes: a.utf8.count + b.utf8.count)
            return .string(a + b)
        case (.add, .array(let a), .array(let b)):
            try charge(a.count + b.count)
            return .array(a + b)
        case (.add, .tuple(let a), .tuple(let b)):
            try charge(a.count + b.count)
            return .tuple(a + b)
        case (.multiply, .string, _), (.multiply, .array, _), (.multiply, .tuple, _): return try repeated(left, right)
        case (.multiply, _, .string), (.multiply, _, .array), (.multiply, _, .tuple): return try repeated(right, left)
        default: break
        }
        if let a = left.integer, let b = right.integer { return try apply(operation, a, b) }
        for (side, other) in [(left, right), (right, left)] where side.isLargeInt {
            // With a float Python calculates in floats, too.
            guard case .double = other, side.number?.isFinite == true else { throw .failure("the numbers do not fit in 64 bits") }
        }
        if let a = left.number, let b = right.number { return try apply(operation, a, b) }
        throw .failure("unsupported operand types for \(operation.rawValue): '\(left.typeName)' and '\(right.typeName)'")
    }

    private func exact(_ result: (partialValue: Int, overflow: Bool)) throws(JinjaError) -> Int {
        guard !result.overflow else { throw .failure("the result does not fit in 64 bits") }
        return result.partialValue
    }

    private func apply(_ operation: BinaryOperator, _ a: Int, _ b: Int) throws(JinjaError) -> Value {
        switch operation {
        case .add: return .int(try exact(a.addingReportingOverflow(b)))
        case .subtract: return .int(try exact(a.subtractingReportingOverflow(b)))
        case .multiply: return .int(try exact(a.multipliedReportingOverflow(by: b)))
        case .divide:
            guard b != 0 else { throw .failure("division by zero") }
            return .double(Double(a) / Double(b))
        case .floorDivide:
            guard b != 0 else { throw .failure("integer division or modulo by zero") }
            let quotient = try exact(a.dividedReportingOverflow(by: b))
            return .int(a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient)
        case .remainder:
            guard b != 0 else { throw .failure("integer modulo by zero") }
            let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
            return .int(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
        case .power:
            guard b >= 0 else {
                guard a != 0 else { throw .failure("0.0 cannot be raised to a negative power") }
                return .double(pow(Double(a), Double(b)))
            }
            return .int(try power(a, b))
        }
    }

    private func power(_ base: Int, _ exponent: Int) throws(JinjaError) -> Int {
        var (result, factor, left) = (1, base, exponent)
        while left > 0 {
            if left & 1 == 1 { result = try exact(result.multipliedReportingOverflow(by: factor)) }
            left >>= 1
            if left > 0 {
                // Beyond overflow only bases of magnitude 0 and 1 go on.
                factor = try exact(factor.multipliedReportingOverflow(by: factor))
            }
        }
        return result
    }

    private func apply(_ operation: BinaryOperator, _ a: Double, _ b: Double) throws(JinjaError) -> Value {
        switch operation {
        case .add: return .double(a + b)
        case .subtract: return .double(a - b)
        case .multiply: return .double(a * b)
        case .divide, .floorDivide, .remainder:
            guard b != 0 else { throw .failure("float division by zero") }
            if operation == .divide { return .double(a / b) }
            var rest = fmod(a, b)
            if rest != 0, (rest < 0) != (b < 0) { rest += b }
            if operation == .remainder { return .double(rest == 0 ? copysign(0, b) : rest) }
            let quotient = (a - rest) / b
            return .double(quotient == 0 ? copysign(0, a / b) : quotient.rounded())
        case .power:
            let result = pow(a, b)
            guard !result.isNaN || a.isNaN || b.isNaN else { throw .failure("a negative number has no such power among the reals") }
            return .double(result)
        }
    }

    private func repeated(_ sequence: Value, _ count: Value) throws(JinjaError) -> Value {
        guard let count = count.integer.map({ max(0, $0) }) else {
            throw .failure("can't multiply sequence by non-int of type '\(count.typeName)'")
        }
        switch sequence {
        case .string(let text):
            let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
            try check(bytes: overflow ? .max : bytes)
            try charge(1 + bytes / RenderLimits.bytesPerStep)
            return .string(text.isEmpty ? "" : String(repeating: text, count: count))
        case .array(let items): return .array(try repeated(items, count))
        case .tuple(let items): return .tuple(try repeated(items, count))
        default: return sequence
        }
    }

    private func repeated(_ items: [Value], _ count: Int) throws(JinjaError) -> [Value] {
        guard !items.isEmpty, count > 0 else { return [] }
        let (total, overflow) = items.count.multipliedReportingOverflow(by: count)
        try charge(overflow ? limits.steps : total)
        return Array(repeatElement(items, count: count).joined())
    }

    /// `value[start:stop:step]` of a list, tuple or string.
    func slice(_ value: Value, start: Value, stop: Value, step: Value) throws(JinjaError) -> Value {
        if case .undefined(let reason) = value { throw .failure(reason) }
        for bound in [start, stop, step] where !bound.isNone && bound.integer == nil {
            throw .failure("slice indices must be integers or none, not '\(bound.typeName)'")
        }
        let stride = step.integer ?? 1
        guard stride != 0 else { throw .failure("slice step cannot be zero") }
        func positions(_ count: Int) -> [Int] {
            func clamp(_ bound: Int?, _ standard: Int) -> Int {
                guard let bound else { return standard }
                let low = stride < 0 ? -1 : 0
                let high = stride < 0 ? count - 1 : count
                return min(max(bound < 0 ? bound + count : bound, low), high)
            }
            let from = clamp(start.integer, stride < 0 ? count - 1 : 0)
            let to = clamp(stop.integer, stride < 0 ? -1 : count)
            return Array(Swift.stride(from: from, to: to, by: max(-count - 1, min(stride, count + 1))))
        }
        switch value {
        case .array(let items):
            try charge(items.count)
            return .array(positions(items.count).map { items[$0] })
        case .tuple(let items):
            try charge(items.count)
            return .tuple(positions(items.count).map { items[$0] })
        case .string(let text):
            try charge(text: text)
            let scalars = text.scalars
            if stride == 1, let first = positions(scalars.count).first, let last = positions(scalars.count).last {
                return .string(String(scalars[first...last]))
            }
            return .string(String(positions(scalars.count).map { scalars[$0] }[...]))
        default: throw .failure("'\(value.typeName)' object cannot be sliced")
        }
    }
}
