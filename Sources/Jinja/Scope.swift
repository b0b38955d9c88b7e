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
