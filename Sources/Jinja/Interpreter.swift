import Foundation

/// Renders one template once: variables, output, and the mutable objects templates can make. Confined to the calling thread.
final class Interpreter {
    struct Macro {
        let definition: MacroDefinition
        let scope: Scope
    }

    struct Loop {
        var items: [Value]
        var position = 0
        let depth: Int
        var lastChanged: [Value]?
        /// Set for a recursive loop: what `loop(...)` runs again.
        let recursion: (loop: ForLoop, scope: Scope)?
    }

    /// How a body ended.
    enum Flow { case normal, breakLoop, continueLoop }

    let limits: RenderLimits
    let now: @Sendable () -> Date
    private let root: Scope
    private var output = ""
    private var steps = 0
    private var depth = 0

    var macros: [Macro] = []
    var namespaces: [OrderedObject] = []
    var loops: [Loop] = []
    var cyclers: [(items: [Value], position: Int)] = []
    var joiners: [(separator: String, isUsed: Bool)] = []

    init(context: [String: Value], limits: RenderLimits, now: @escaping @Sendable () -> Date) {
        self.limits = limits
        self.now = now
        root = Scope(parent: nil, variables: context)
    }

    func run(_ body: [Statement]) throws(JinjaError) -> String {
        _ = try execute(body, in: Scope(parent: root))
        return output
    }

    // MARK: Limits

    func charge(_ count: Int) throws(JinjaError) {
        guard count <= limits.steps - steps else { throw .limit("it took more than \(limits.steps) steps") }
        steps += count
    }

    /// Handling text costs by its length.
    func charge(text: String) throws(JinjaError) { try charge(1 + text.utf8.count / RenderLimits.bytesPerStep) }

    func check(_ text: String) throws(JinjaError) { try check(bytes: text.utf8.count) }

    func check(bytes: Int) throws(JinjaError) {
        guard bytes <= limits.outputBytes else { throw .limit("it made more than \(limits.outputBytes) bytes of text") }
    }

    func enter() throws(JinjaError) {
        depth += 1
        guard depth <= limits.depth else { throw .limit("it nested deeper than \(limits.depth) levels") }
        try charge(1)
    }

    func leave() { depth -= 1 }

    /// Bounds what a variable may hold: values are freed recursively, so nesting must stay shallow.
    func checkNesting(of value: Value, depth: Int = 0) throws(JinjaError) {
        guard depth < RenderLimits.valueDepth else { throw .limit("a value nests deeper than \(RenderLimits.valueDepth) levels") }
        switch value {
        case .array(let items), .tuple(let items):
            try charge(items.count)
            for item in items { try checkNesting(of: item, depth: depth + 1) }
        case .object(let object):
            try charge(object.count)
            for member in object.values { try checkNesting(of: member, depth: depth + 1) }
            for case .tuple(let parts) in object.keys { try checkNesting(of: .tuple(parts), depth: depth + 1) }
        case .callable(.method(let receiver, _)): try checkNesting(of: receiver, depth: depth + 1)
        default: break
        }
    }

    /// Bounds the objects one rendering may make.
    func checkObjectCount() throws(JinjaError) {
        let limit = 100_000
        guard macros.count + namespaces.count + loops.count + cyclers.count + joiners.count < limit else {
            throw .limit("it made more than \(limit) macros, namespaces and loops")
        }
    }

    // MARK: Output

    func write(_ text: String) throws(JinjaError) {
        try charge(text: text)
        output += text
        try check(output)
    }

    /// Runs `body` with its output kept apart.
    func capture(_ body: () throws(JinjaError) -> Void) throws(JinjaError) -> String {
        let outer = output
        output = ""
        defer { output = outer }
        try body()
        return output
    }

    // MARK: Variables

    func value(of name: String, in scope: Scope) -> Value {
        if let value = scope.value(of: name) { return value }
        return Self.globalFunctions.contains(name) ? .callable(.function(name)) : .missing(name)
    }

    /// The elements a `for` or a filter goes over: list items, mapping keys, characters.
    func elements(of value: Value) throws(JinjaError) -> [Value] {
        switch value {
        case .undefined: return []
        case .array(let items), .tuple(let items):
            try charge(items.count)
            return items
        case .object(let object):
            try charge(object.count)
            return object.keys
        case .string(let text):
            try charge(text.utf8.count)
            return text.unicodeScalars.map { .string(String($0)) }
        case .runtime(let object) where object.kind == .loop: return loops.indices.contains(object.index) ? loops[object.index].items : []
        default: throw .failure("'\(value.typeName)' object is not iterable")
        }
    }
}

/// The variables of one lexical scope. A macro keeps the scope it was defined in and sees later changes to it, as in jinja2.
final class Scope {
    private var variables: [String: Value]
    private let parent: Scope?

    init(parent: Scope?, variables: [String: Value] = [:]) {
        self.parent = parent
        self.variables = variables
    }

    func value(of name: String) -> Value? {
        var scope: Scope? = self
        while let current = scope {
            if let value = current.variables[name] { return value }
            scope = current.parent
        }
        return nil
    }

    func set(_ name: String, to value: Value) { variables[name] = value }
}
