import AdapterRegistry
import Adapters

/// The body field `adapters`: a list of names or objects.
///
/// `{"name", "scale", "layer", "at", "mode", "edits": [{"latent", "op", "value"}], "scope", "when": {"latent", "above", "adapter", "layer",
/// "at"}, "top"}`, where `scope` is `"all"`, `"prompt"`, `"generated"`, `"think"`, two of them as `"think+generated"`, or
/// `{"in", "from", "to"}` (one of those, and absolute positions, `to` not included). A member that is not one of these is refused: a misspelt
/// `strength` would otherwise change the answer in silence.
enum AdapterFields {
    private static let known: Set<String> = ["name", "scale", "layer", "at", "mode", "edits", "scope", "when", "top"]
    private static let knownInEdits: Set<String> = ["latent", "op", "value"]
    private static let knownInWhen: Set<String> = ["latent", "above", "adapter", "layer", "at"]

    /// - Returns: nil when the request has no such field.
    static func read(_ fields: FieldReader, limit: Int) throws(APIError) -> [AdapterSelection]? {
        guard let elements = try fields.array("adapters", of: "an array of adapters") else { return nil }
        guard elements.count <= limit else {
            throw .bad("adapters", "adapters has \(elements.count) entries; at most \(limit) are allowed")
        }
        var selections: [AdapterSelection] = []
        for (index, element) in elements.enumerated() {
            switch element {
            case .string(let name): selections.append(AdapterSelection(name: name))
            case .object(let object): selections.append(try selection(FieldReader(object, path: "\(fields.path)adapters[\(index)].")))
            default: throw fields.wrong("adapters[\(index)]", element, "a name or an object")
            }
        }
        return selections
    }

    private static func selection(_ fields: FieldReader) throws(APIError) -> AdapterSelection {
        try refuseUnknown(fields, known)
        guard let name = try fields.string("name"), !name.isEmpty else {
            throw .bad(fields.path + "name", "\(fields.path)name is missing; name an adapter of GET /v1/adapters")
        }
        var selection = AdapterSelection(name: name)
        selection.scale = try fields.number("scale", in: -.infinity ... .infinity).map { Float($0) }
        selection.layer = try fields.int("layer", in: 0...65535)
        selection.at = try choice(fields, "at")
        selection.mode = try choice(fields, "mode")
        selection.top = try fields.int("top", in: 1...1024)
        if let scope = try scope(fields) { selection.scope = scope }
        if let when = try fields.object("when") { selection.when = try condition(when) }
        if let edits = try fields.array("edits", of: "an array of edits") {
            for (index, edit) in edits.enumerated() {
                let key = "edits[\(index)]"
                guard let object = edit.object else { throw fields.wrong(key, edit, "an object") }
                selection.edits.append(try self.edit(FieldReader(object, path: "\(fields.path)\(key).")))
            }
        }
        return selection
    }

    private static func edit(_ fields: FieldReader) throws(APIError) -> LatentEdit {
        try refuseUnknown(fields, knownInEdits)
        guard let latent = try fields.int("latent", in: 0...Int(Int32.max)) else {
            throw .bad(fields.path + "latent", "\(fields.path)latent is missing; give the number of the latent to edit")
        }
        guard let operation: LatentEdit.Operation = try choice(fields, "op") else {
            throw .bad(fields.path + "op", "\(fields.path)op is missing; it is one of \(names(LatentEdit.Operation.self))")
        }
        let value = try fields.number("value", in: -.infinity ... .infinity)
        guard value != nil || operation == .ablate else {
            throw .bad(fields.path + "value", "\(fields.path)value is missing; only ablate goes without")
        }
        return LatentEdit(latent: latent, op: operation, value: Float(value ?? 0))
    }

    private static func condition(_ fields: FieldReader) throws(APIError) -> ConditionSelection {
        try refuseUnknown(fields, knownInWhen)
        guard let latent = try fields.int("latent", in: 0...Int(Int32.max)) else {
            throw .bad(fields.path + "latent", "\(fields.path)latent is missing; give the number of the latent that must act")
        }
        guard let above = try fields.number("above", in: 0 ... .infinity) else {
            throw .bad(fields.path + "above", "\(fields.path)above is missing; give the activation that must be exceeded, 0 for any")
        }
        return ConditionSelection(
            latent: latent, above: Float(above), adapter: try fields.string("adapter"), layer: try fields.int("layer", in: 0...65535),
            at: try choice(fields, "at"))
    }

    private static func scope(_ fields: FieldReader) throws(APIError) -> InterventionScope? {
        guard let value = fields["scope"] else { return nil }
        let names = InterventionScope.names
        if let text = value.string {
            guard let scope = InterventionScope(name: text) else {
                throw .bad(fields.path + "scope", "\(fields.path)scope is '\(text.prefix(40))'; it is one of \(names)")
            }
            return scope
        }
        guard let window = value.object else { throw fields.wrong("scope", value, "one of \(names), or {\"in\", \"from\", \"to\"}") }
        let reader = FieldReader(window, path: "\(fields.path)scope.")
        try refuseUnknown(reader, ["in", "from", "to"])
        let name = try reader.string("in") ?? "all"
        guard var scope = InterventionScope(name: name) else {
            throw .bad(reader.path + "in", "\(reader.path)in is '\(name.prefix(40))'; it is one of \(names)")
        }
        let from = try reader.int("from", in: 0...Int(Int32.max)) ?? 0
        scope.positions = from..<(try reader.int("to", in: from...Int(Int32.max)) ?? Int(Int32.max))
        return scope
    }

    private static func choice<T: RawRepresentable & CaseIterable>(_ fields: FieldReader, _ key: String) throws(APIError) -> T?
    where T.RawValue == String {
        guard let value = fields[key] else { return nil }
        guard let text = value.string, let choice = T(rawValue: text) else { throw fields.wrong(key, value, "one of \(names(T.self))") }
        return choice
    }

    static func names<T: RawRepresentable & CaseIterable>(_ type: T.Type) -> String where T.RawValue == String {
        type.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private static func refuseUnknown(_ fields: FieldReader, _ known: Set<String>) throws(APIError) {
        guard let stranger = fields.object.keys.first(where: { !known.contains($0) }) else { return }
        throw .bad(
            fields.path + stranger,
            "\(fields.path)\(stranger.prefix(40)) is not a parameter of adapters; they are \(known.sorted().joined(separator: ", "))")
    }
}
