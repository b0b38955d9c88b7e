/// The evaluated arguments of a call.
struct CallArguments {
    var positional: [Value] = []
    var named: [(name: String, value: Value)] = []

    init(_ positional: [Value] = [], named: [(name: String, value: Value)] = []) {
        self.positional = positional
        self.named = named
    }

    /// Matches the arguments to `parameters`.
    /// - Throws: on too many, unknown or doubly given arguments.
    func bind(_ callee: String, _ parameters: String...) throws(JinjaError) -> BoundArguments {
        guard positional.count <= parameters.count else {
            throw .failure("\(callee)() takes at most \(parameters.count) arguments, got \(positional.count)")
        }
        var values = positional.map(Optional.init) + Array(repeating: nil, count: parameters.count - positional.count)
        for (name, value) in named {
            guard let place = parameters.firstIndex(of: name) else { throw .failure("\(callee)() has no argument '\(name)'") }
            guard values[place] == nil else { throw .failure("\(callee)() got several values for argument '\(name)'") }
            values[place] = value
        }
        return BoundArguments(callee: callee, parameters: parameters, values: values)
    }
}

/// Arguments in the order of a function's parameters; nil where none was given.
struct BoundArguments {
    let callee: String
    let parameters: [String]
    let values: [Value?]

    subscript(position: Int) -> Value? { values[position] }

    func required(_ position: Int) throws(JinjaError) -> Value {
        guard let value = values[position] else { throw .failure("\(callee)() is missing argument '\(parameters[position])'") }
        return value
    }

    func text(_ position: Int) throws(JinjaError) -> String {
        try text(position, default: nil)
    }

    func text(_ position: Int, default standard: String?) throws(JinjaError) -> String {
        if values[position] == nil, let standard { return standard }
        let value = try required(position)
        guard case .string(let text) = value else {
            throw .failure("\(callee)(): '\(parameters[position])' must be a string, not \(value.typeName)")
        }
        return text
    }

    func integer(_ position: Int, default standard: Int?) throws(JinjaError) -> Int {
        if values[position] == nil, let standard { return standard }
        let value = try required(position)
        guard let number = value.integer else {
            throw .failure("\(callee)(): '\(parameters[position])' must be an integer, not \(value.typeName)")
        }
        return number
    }

    /// A count such as `maxsplit`, in which negative means no limit.
    func limit(_ position: Int) throws(JinjaError) -> Int {
        let limit = try integer(position, default: -1)
        return limit < 0 ? .max : limit
    }

    func flag(_ position: Int) -> Bool { values[position]?.isTrue ?? false }

    /// The argument, with `none` counting as not given.
    func optional(_ position: Int) -> Value? { values[position].flatMap { $0.isNone ? nil : $0 } }
}
