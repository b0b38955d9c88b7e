/// A JSON value as it stands in a request or response body.
///
/// Unlike a dictionary, an object keeps the order of its members: chat templates print `tools` the way the client wrote them, and
/// responses come out in the order their types are read.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// What kind of value this is, in words for an error message.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "the integer \(value)"
        case .double(let value): "the number \(value)"
        case .string(let value): "the string \"\(value.prefix(40))\""
        case .array(let value): "an array of \(value.count)"
        case .object: "an object"
        }
    }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var int: Int? { if case .int(let value) = self { Int(value) } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    /// A number of either kind.
    package var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The member under `key`; nil when absent or when this is no object.
    package subscript(key: String) -> JSONValue? { object?[key] }

    /// The element at `index`; nil when out of range or when this is no array.
    package subscript(index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }
}

/// The members of a JSON object, in order. Look-up is linear: request objects have a few dozen members at most, and larger ones are
/// only ever walked.
package struct JSONObject: Sendable, Equatable {
    package private(set) var members: [(key: String, value: JSONValue)] = []

    package init() {}

    package init(_ members: [(key: String, value: JSONValue)]) {
        self.members = members
    }

    package var keys: [String] { members.map(\.key) }

    /// Setting nil removes the member. Of duplicate keys in a document the last one counts.
    package subscript(key: String) -> JSONValue? {
        get { members.last { $0.key == key }?.value }
        set {
            if let index = members.lastIndex(where: { $0.key == key }) {
                if let newValue { members[index].value = newValue } else { members.remove(at: index) }
            } else if let newValue {
                members.append((key, newValue))
            }
        }
    }

    /// Adds a member without looking for an earlier one.
    mutating func append(_ key: String, _ value: JSONValue) {
        members.append((key, value))
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.count == right.members.count
            && zip(left.members, right.members).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { (key: $0.0, value: $0.1) }))
    }

    static func int(_ value: Int) -> JSONValue { .int(Int64(value)) }

    /// The shortest decimal that reads back as the same `Float`.
    static func float(_ value: Float) -> JSONValue { .double(Double(value.description) ?? Double(value)) }

    static func optional(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}
