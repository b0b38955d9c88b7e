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

    package func string(_ key: String) throws(JSONError) -> String { try required(key, "a string", optionalString) }
    package func int(_ key: String) throws(JSONError) -> Int { try required(key, "an integer", optionalInt) }
    package func double(_ key: String) throws(JSONError) -> Double { try required(key, "a number", optionalDouble) }
    package func bool(_ key: String) throws(JSONError) -> Bool { try required(key, "true or false", optionalBool) }
    package func array(_ key: String) throws(JSONError) -> [JSON] { try required(key, "an array", optionalArray) }
    package func object(_ key: String) throws(JSONError) -> JSONObject { try required(key, "an object", optionalObject) }

    // The optional getters give nil when the key is absent or null and throw when it holds another kind.

    package func optionalString(_ key: String) throws(JSONError) -> String? { try optional(key, "a string", \.string) }
    package func optionalInt(_ key: String) throws(JSONError) -> Int? { try optional(key, "an integer", \.int) }
    package func optionalDouble(_ key: String) throws(JSONError) -> Double? { try optional(key, "a number", \.double) }
    package func optionalBool(_ key: String) throws(JSONError) -> Bool? { try optional(key, "true or false", \.bool) }
    package func optionalArray(_ key: String) throws(JSONError) -> [JSON]? { try optional(key, "an array", \.array) }
    package func optionalObject(_ key: String) throws(JSONError) -> JSONObject? { try optional(key, "an object", \.object) }

    /// An array of strings; nil when absent or null.
    package func optionalStrings(_ key: String) throws(JSONError) -> [String]? {
        guard let elements = try optionalArray(key) else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let string = element.string else {
                throw JSONError(place: "\(key)[\(index)]", got: element.kind, wanted: "a string")
            }
            strings.append(string)
        }
        return strings
    }

    private func optional<T>(_ key: String, _ wanted: String, _ get: (JSON) -> T?) throws(JSONError) -> T? {
        guard case .object(let members) = self else {
            throw JSONError(place: key, got: "\(kind) around it", wanted: "an object that holds it")
        }
        guard let member = members[key], !member.isNull else { return nil }
        guard let value = get(member) else { throw JSONError(place: key, got: member.kind, wanted: wanted) }
        return value
    }

    private func required<T>(_ key: String, _ wanted: String, _ get: (String) throws(JSONError) -> T?) throws(JSONError) -> T {
        guard let value = try get(key) else { throw JSONError(place: key, got: "nothing", wanted: wanted) }
        return value
    }
}
