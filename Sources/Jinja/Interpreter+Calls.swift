extension Interpreter {
    func call(_ callee: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch callee {
        case .undefined(let reason): throw .failure(reason)
        case .callable(.function(let name)): return try callGlobal(name, arguments)
        case .callable(.method(let receiver, let name)): return try callMethod(name, of: receiver, arguments)
        case .callable(.macro(let index)): return .string(try callMacro(macros[index], arguments))
        case .runtime(let object): return try callRuntime(object, arguments)
        default: throw .failure("'\(callee.typeName)' object is not callable")
        }
    }

    // MARK: Macros

    func makeMacro(_ definition: MacroDefinition, in scope: Scope) throws(JinjaError) -> Value {
        try checkObjectCount()
        macros.append(Macro(definition: definition, scope: scope))
        return .callable(.macro(macros.count - 1))
    }

    private func callMacro(_ macro: Macro, _ arguments: CallArguments) throws(JinjaError) -> String {
        let definition = macro.definition
        let scope = Scope(parent: macro.scope)
        var named: [(name: String, value: Value)] = []
        var given: [String: Value] = [:]
        for (parameter, value) in zip(definition.parameters, arguments.positional) { given[parameter.name] = value }
        for argument in arguments.named {
            guard definition.parameters.contains(where: { $0.name == argument.name }) else {
                named.append(argument)
                continue
            }
            guard given[argument.name] == nil else {
                throw .failure("macro '\(definition.name)' got several values for '\(argument.name)'")
            }
            given[argument.name] = argument.value
        }
        try bindImplicit(definition, arguments, &named, in: scope)
        for parameter in definition.parameters {
            if let value = given[parameter.name] {
                try assign(value, to: .name(parameter.name), in: scope)
            } else if let standard = parameter.standard {
                scope.set(parameter.name, to: try evaluate(standard, in: scope))
            } else {
                scope.set(parameter.name, to: .undefined(reason: "parameter '\(parameter.name)' was not provided"))
            }
        }
        return try capture { () throws(JinjaError) in _ = try execute(definition.body, in: scope) }
    }

    private func bindImplicit(
        _ definition: MacroDefinition, _ arguments: CallArguments, _ named: inout [(name: String, value: Value)], in scope: Scope
    ) throws(JinjaError) {
        if definition.usesCaller {
            let place = named.firstIndex { $0.name == "caller" }
            scope.set("caller", to: place.map { named.remove(at: $0).value } ?? .undefined(reason: "No caller defined"))
        }
        if definition.usesKwargs {
            scope.set("kwargs", to: .object(OrderedObject(named.map { ($0.name, $0.value) })))
        } else if let extra = named.first {
            throw .failure("macro '\(definition.name)' takes no keyword argument '\(extra.name)'")
        }
        let spare = arguments.positional.dropFirst(definition.parameters.count)
        if definition.usesVarargs {
            scope.set("varargs", to: .tuple(Array(spare)))
        } else if !spare.isEmpty {
            throw .failure("macro '\(definition.name)' takes not more than \(definition.parameters.count) argument(s)")
        }
    }

    // MARK: Runtime objects

    private func callRuntime(_ object: RuntimeObject, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch object.kind {
        case .joiner:
            let joiner = joiners[object.index]
            joiners[object.index].isUsed = true
            return .string(joiner.isUsed ? joiner.separator : "")
        case .loop:
            guard loops.indices.contains(object.index), let recursion = loops[object.index].recursion else {
                throw .failure("the loop must have the 'recursive' marker to be called")
            }
            let children = try arguments.bind("loop", "iterable").required(0)
            let depth = loops[object.index].depth + 1
            return .string(
                try capture { () throws(JinjaError) in
                    _ = try runLoop(recursion.loop, over: children, depth: depth, in: recursion.scope)
                })
        case .namespace, .cycler: throw .failure("'\(Value.runtime(object).typeName)' object is not callable")
        }
    }

    func runtimeAttribute(_ name: String, of object: RuntimeObject) throws(JinjaError) -> Value? {
        switch object.kind {
        case .namespace: return namespaces[object.index][name]
        case .cycler:
            let cycler = cyclers[object.index]
            if name == "current" { return cycler.items[cycler.position] }
            return ["next", "reset"].contains(name) ? .callable(.method(.runtime(object), name)) : nil
        case .joiner: return nil
        case .loop:
            guard loops.indices.contains(object.index) else { return nil }
            return loopAttribute(name, loops[object.index], object)
        }
    }

    private func loopAttribute(_ name: String, _ loop: Loop, _ object: RuntimeObject) -> Value? {
        let count = loop.items.count
        switch name {
        case "index": return .int(loop.position + 1)
        case "index0": return .int(loop.position)
        case "revindex": return .int(count - loop.position)
        case "revindex0": return .int(count - loop.position - 1)
        case "first": return .bool(loop.position == 0)
        case "last": return .bool(loop.position == count - 1)
        case "length": return .int(count)
        case "depth": return .int(loop.depth + 1)
        case "depth0": return .int(loop.depth)
        case "previtem": return loop.position > 0 ? loop.items[loop.position - 1] : .undefined(reason: "there is no previous item")
        case "nextitem": return loop.position + 1 < count ? loop.items[loop.position + 1] : .undefined(reason: "there is no next item")
        case "cycle", "changed": return .callable(.method(.runtime(object), name))
        default: return nil
        }
    }

    func callRuntimeMethod(_ name: String, of object: RuntimeObject, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch (object.kind, name) {
        case (.cycler, "next"):
            let cycler = cyclers[object.index]
            cyclers[object.index].position = (cycler.position + 1) % cycler.items.count
            return cycler.items[cycler.position]
        case (.cycler, "reset"):
            cyclers[object.index].position = 0
            return .none
        case (.loop, "cycle"):
            guard !arguments.positional.isEmpty else { throw .failure("no items for cycling given") }
            return arguments.positional[loops[object.index].position % arguments.positional.count]
        case (.loop, "changed"):
            let previous = loops[object.index].lastChanged
            loops[object.index].lastChanged = arguments.positional
            guard let previous else { return .bool(true) }
            return .bool(!(try areEqual(.array(previous), .array(arguments.positional))))
        default: throw .failure("no method '\(name)'")
        }
    }
}
