/// Untyped look-ups (nil when absent or of another kind) and typed getters whose errors name the key.
extension JSON {
    /// The member under `key`; nil when absent or when this is no object.
    package subscript(key: String) -> JSON? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// The element at `index`; nil when out of range or when this is no array.
    package subscript(index: Int) -> JSON? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    package var isNull: Bool { self == .null }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// An integer of 64 bits; a double counts when it is exactly integral (`10000.0`).
    package var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// A number of any kind; the nearest float to a whole number beyond 64 bits, an infinity beyond all floats.
    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .largeInt(let text): Double(text)
        case .double(let value): value
        default: nil
        }
    }

    /// What kind of value this is, in words for an error message.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "the integer \(value)"
        case .largeInt(let text): "the integer \(text.prefix(60))"
        case .double(let value): "the number \(value)"
        case .string(let value): "the string \"\(value.prefix(60))\""
        case .array(let value): "an array of \(value.count)"
        case .object: "an object"
        }
    }

    // Members of an object that is a file's or a message's. The optional ones are nil when absent or null.

    package func string(_ key: String) throws(JSONError) -> String { try member(key).string }
    package func int(_ key: String) throws(JSONError) -> Int { try member(key).int }
    package func double(_ key: String) throws(JSONError) -> Double { try member(key).double }
    package func bool(_ key: String) throws(JSONError) -> Bool { try member(key).bool }
    package func array(_ key: String) throws(JSONError) -> [JSON] { try member(key).array }
    package func object(_ key: String) throws(JSONError) -> JSONObject { try member(key).object }

    package func optionalString(_ key: String) throws(JSONError) -> String? { try fields(key).string(key) }
    package func optionalInt(_ key: String) throws(JSONError) -> Int? { try fields(key).int(key) }
    package func optionalBool(_ key: String) throws(JSONError) -> Bool? { try fields(key).bool(key) }
    package func optionalArray(_ key: String) throws(JSONError) -> [JSON]? { try fields(key).array(key) }
    package func optionalObject(_ key: String) throws(JSONError) -> JSONObject? { try fields(key).object(key)?.members }
    package func optionalStrings(_ key: String) throws(JSONError) -> [String]? { try fields(key).strings(key) }
    package func optionalDouble(_ key: String) throws(JSONError) -> Double? {
        let fields = try fields(key)
        return fields[key] == nil ? nil : try fields.child(key).double
    }

    private func fields(_ key: String) throws(JSONError) -> JSONField<JSONError> {
        guard case .object = self else {
            throw JSONError(place: key, got: "\(kind) around it", wanted: "an object that holds it")
        }
        return JSONField(self) { JSONError(place: $0, got: $1, wanted: $2) }
    }

    /// What must be there: null is as good as nothing.
    private func member(_ key: String) throws(JSONError) -> JSONField<JSONError> {
        let fields = try fields(key)
        return fields[key] == nil ? JSONField(nil, at: key) { JSONError(place: $0, got: $1, wanted: $2) } : fields.child(key)
    }
}
