import JSONText

/// An element of the field `adapters` of a body: a name, or
/// `{"name", "scale", "layer", "at", "mode", "edits": [{"latent", "op", "value"}], "scope", "when": {"latent", "above", "adapter", "layer",
/// "at"}, "top"}`, where `scope` is a name or `{"in", "from", "to"}`. A member that is not one of these is refused: a misspelt `strength` would
/// otherwise change the answer in silence.
package struct SelectionObject: SelectionSource {
    package typealias Field = JSONField<SelectionError>

    package let adapter: String
    package let isFlat = false
    private let fields: Field
    /// The object under `scope`.
    private let window: Field?
    private let when: Field?
    private var edit: Field?
    package private(set) var edits: [SelectionObject] = []

    /// - Throws: for an element that is neither, for members that are not known, and for lists and objects that are something else.
    package init(_ field: Field) throws(SelectionError) {
        fields = field
        if let name = field.value.string {
            guard !name.isEmpty else { throw field.refuse(wanted: "an adapter's name") }
            (adapter, window, when) = (name, nil, nil)
            return
        }
        guard field.value.object != nil else { throw field.refuse(wanted: "a name or an object") }
        try Self.refuseStrangers(field, ["name", "scale", "layer", "at", "mode", "edits", "scope", "when", "top"])
        guard let name = try field.string("name"), !name.isEmpty else {
            throw SelectionError(field.path("name"), "is missing; name an adapter of GET /v1/adapters")
        }
        adapter = name
        window = field["scope"]?.object == nil ? nil : field.child("scope")
        when = try field.object("when")
        if let window { try Self.refuseStrangers(window, ["in", "from", "to"]) }
        if let when { try Self.refuseStrangers(when, ["latent", "above", "adapter", "layer", "at"]) }
        guard let list = try field.array("edits", of: "an array of edits") else { return }
        for index in list.indices {
            let edit = field.child("edits").child(index)
            guard edit.value.object != nil else { throw edit.refuse(wanted: "an object") }
            try Self.refuseStrangers(edit, ["latent", "op", "value"])
            var source = self
            (source.edit, source.edits) = (edit, [])
            edits.append(source)
        }
    }

    private static func refuseStrangers(_ field: Field, _ known: [String]) throws(SelectionError) {
        guard let stranger = field.members.keys.first(where: { !known.contains($0) }) else { return }
        throw SelectionError(
            field.path(String(stranger.prefix(40))), "is not a parameter of adapters; they are \(known.sorted().joined(separator: ", "))")
    }

    package var hasCondition: Bool { when != nil }

    package subscript(parameter: SelectionParameter) -> JSON? {
        let (field, key) = place(of: parameter)
        return field?[key]
    }

    package func name(of parameter: SelectionParameter) -> String {
        let (field, key) = place(of: parameter)
        return field?.path(key) ?? fields.path(parameter.rawValue)
    }

    package func form(of parameter: SelectionParameter) -> String { "" }

    private func place(of parameter: SelectionParameter) -> (field: Field?, key: String) {
        switch parameter {
        case .scale, .layer, .at, .mode, .top: (fields, parameter.rawValue)
        case .scope: window == nil ? (fields, "scope") : (window, "in")
        case .from, .to: (window, parameter.rawValue)
        case .latent, .op, .value: (edit, parameter.rawValue)
        case .when: (when, "latent")
        case .above: (when, "above")
        case .conditionAdapter: (when, "adapter")
        case .conditionLayer: (when, "layer")
        case .conditionSite: (when, "at")
        }
    }
}

extension SelectionObject.Field {
    /// A field of a body, or an element of a list in it.
    package init(selections value: JSON?, at path: String) {
        self.init(value, at: path) { SelectionError($0, "must be \($2), not \($1)") }
    }
}

extension SelectionList {
    /// Adds the elements of a list.
    package mutating func add(elementsOf list: SelectionObject.Field) throws(SelectionError) {
        guard let elements = list.value.array else { throw list.refuse(wanted: "an array of adapters") }
        for index in elements.indices { try add(try SelectionObject(list.child(index))) }
    }
}
