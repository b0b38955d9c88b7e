extension Interpreter {
    func execute(_ body: [Statement], in scope: Scope) throws(JinjaError) -> Flow {
        try enter()
        defer { leave() }
        for statement in body {
            do throws(JinjaError) {
                let flow = try execute(statement, in: scope)
                if flow != .normal { return flow }
            } catch {
                throw error.located(at: statement.line)
            }
        }
        return .normal
    }

    private func execute(_ statement: Statement, in scope: Scope) throws(JinjaError) -> Flow {
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let expression): try write(try text(of: try evaluate(expression, in: scope)))
        case .conditional(let branches, let otherwise): return try executeIf(branches, otherwise, in: scope)
        case .loop(let loop): return try runLoop(loop, over: try evaluate(loop.iterated, in: scope), depth: 0, in: scope)
        case .set(let target, let expression): try assign(try evaluate(expression, in: scope), to: target, in: scope)
        case .setBlock(let target, let filters, let body): try executeSetBlock(target, filters, body, in: scope)
        case .macro(let definition): scope.set(definition.name, to: try makeMacro(definition, in: scope))
        case .callBlock(let caller, let call): try executeCallBlock(caller, call, in: scope)
        case .filterBlock(let filters, let body): try executeFilterBlock(filters, body, in: scope)
        case .with(let assignments, let body): return try executeWith(assignments, body, in: scope)
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .normal
    }

    private func executeIf(
        _ branches: [(condition: Expression, body: [Statement])], _ otherwise: [Statement], in scope: Scope
    ) throws(JinjaError) -> Flow {
        for branch in branches where try evaluate(branch.condition, in: scope).isTrue {
            return try execute(branch.body, in: scope)
        }
        return try execute(otherwise, in: scope)
    }

    private func executeWith(
        _ assignments: [(target: AssignmentTarget, value: Expression)], _ body: [Statement], in scope: Scope
    ) throws(JinjaError) -> Flow {
        let inner = Scope(parent: scope)
        // The values see the surrounding scope only, not each other.
        for assignment in assignments { try assign(try evaluate(assignment.value, in: scope), to: assignment.target, in: inner) }
        return try execute(body, in: inner)
    }

    private func executeSetBlock(
        _ target: AssignmentTarget, _ filters: [FilterCall], _ body: [Statement], in scope: Scope
    ) throws(JinjaError) {
        try assign(try captured(body, filters, in: scope), to: target, in: scope)
    }

    private func executeFilterBlock(_ filters: [FilterCall], _ body: [Statement], in scope: Scope) throws(JinjaError) {
        try write(try text(of: try captured(body, filters, in: scope)))
    }

    private func captured(_ body: [Statement], _ filters: [FilterCall], in scope: Scope) throws(JinjaError) -> Value {
        let text = try capture { () throws(JinjaError) in _ = try execute(body, in: Scope(parent: scope)) }
        var value = Value.string(text)
        for filter in filters { value = try apply(filter, to: value, in: scope) }
        return value
    }

    private func executeCallBlock(_ caller: MacroDefinition, _ call: Expression, in scope: Scope) throws(JinjaError) {
        guard case .call(let callee, let list) = call else { return }
        var arguments = try evaluate(list, in: scope)
        arguments.named.append(("caller", try makeMacro(caller, in: scope)))
        try write(try text(of: try self.call(try evaluate(callee, in: scope), arguments)))
    }

    // MARK: Assignment

    func assign(_ value: Value, to target: AssignmentTarget, in scope: Scope) throws(JinjaError) {
        try checkNesting(of: value)
        try bind(value, to: target, in: scope)
    }

    private func bind(_ value: Value, to target: AssignmentTarget, in scope: Scope) throws(JinjaError) {
        switch target {
        case .name(let name): scope.set(name, to: value)
        case .namespaceAttribute(let name, let attribute):
            guard case .runtime(let object)? = scope.value(of: name), object.kind == .namespace else {
                throw .failure("cannot assign attribute on non-namespace object")
            }
            namespaces[object.index][attribute] = value
        case .tuple(let targets):
            if case .none = value { throw .failure("cannot unpack non-iterable NoneType object") }
            let parts = try elements(of: value)
            guard parts.count == targets.count else {
                throw .failure("cannot unpack \(parts.count) values into \(targets.count) names")
            }
            for (part, target) in zip(parts, targets) { try bind(part, to: target, in: scope) }
        }
    }

    // MARK: Loops

    /// Runs all rounds of a loop; `depth` counts the recursive loops around it. Only the `else` part can end the loop around this one.
    func runLoop(_ loop: ForLoop, over value: Value, depth: Int, in scope: Scope) throws(JinjaError) -> Flow {
        var items = try elements(of: value)
        if let filter = loop.filter {
            var kept: [Value] = []
            for item in items {
                let inner = Scope(parent: scope)
                try bind(item, to: loop.target, in: inner)
                if try evaluate(filter, in: inner).isTrue { kept.append(item) }
            }
            items = kept
        }
        guard !items.isEmpty else {
            return try execute(loop.otherwise, in: Scope(parent: scope))
        }
        try checkObjectCount()
        let index = loops.count
        loops.append(Loop(items: items, depth: depth, recursion: loop.isRecursive ? (loop, scope) : nil))
        defer { loops.removeSubrange(index...) }
        for (position, item) in items.enumerated() {
            loops[index].position = position
            let inner = Scope(parent: scope)
            inner.set("loop", to: .runtime(RuntimeObject(kind: .loop, index: index)))
            try bind(item, to: loop.target, in: inner)
            if try execute(loop.body, in: inner) == .breakLoop { break }
        }
        return .normal
    }
}
