import JSONText

/// A value of the template language, with Python's meaning: `1 == 1.0 == true`, lists and tuples differ, mappings keep their order.
///
/// Values are immutable, as the sandbox demands; the few mutable things (`namespace`, `loop`, ...) live in the interpreter and are
/// named here by a handle.
package enum Value: Sendable {
    /// A missing variable or attribute: prints as nothing, is false, fails when looked into. `reason` says what was missing.
    case undefined(reason: String)
    case none
    case bool(Bool)
    case int(Int)
    /// A whole number beyond 64 bits: its digits, after a minus sign where it is negative.
    case largeInt(String)
    case double(Double)
    case string(String)
    case array([Value])
    case tuple([Value])
    case object(OrderedObject)
    case callable(Callable)
    case runtime(RuntimeObject)
}

/// Something a template can call.
package indirect enum Callable: Sendable {
    /// A global function, by name.
    case function(String)
    /// A method bound to its receiver.
    case method(Value, String)
    /// A macro: its index in the interpreter.
    case macro(Int)
}

/// A mutable object owned by the running interpreter.
package struct RuntimeObject: Sendable, Equatable {
    enum Kind: Sendable { case namespace, loop, cycler, joiner }
    let kind: Kind
    let index: Int
}

extension Value {
    /// Python's `bool(value)`.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let flag): flag
        case .int(let number): number != 0
        case .largeInt: true
        case .double(let number): number != 0
        case .string(let text): !text.isEmpty
        case .array(let items), .tuple(let items): !items.isEmpty
        case .object(let object): object.count > 0
        case .callable, .runtime: true
        }
    }

    package var isUndefined: Bool { if case .undefined = self { true } else { false } }

    package var isNone: Bool { if case .none = self { true } else { false } }

    /// The text of a string value, otherwise nil.
    package var text: String? { if case .string(let text) = self { text } else { nil } }

    /// The name jinja2 prints for the value's type in messages.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .int, .largeInt: "int"
        case .double: "float"
        case .string: "str"
        case .array: "list"
        case .tuple: "tuple"
        case .object: "dict"
        case .callable: "function"
        case .runtime(let object):
            switch object.kind {
            case .namespace: "Namespace"
            case .loop: "LoopContext"
            case .cycler: "Cycler"
            case .joiner: "Joiner"
            }
        }
    }

    /// How a message names the holder of a missing attribute.
    var holderName: String { if case .none = self { "None" } else { "\(typeName) object" } }

    /// The value as a whole number of 64 bits, with bools counting as 0 and 1.
    var integer: Int? {
        switch self {
        case .int(let number): number
        case .bool(let flag): flag ? 1 : 0
        default: nil
        }
    }

    /// The value as a floating-point number when it is a number at all: the nearest one to a whole number.
    var number: Double? {
        switch self {
        case .double(let number): number
        case .largeInt(let digits): Double(digits)
        default: integer.map(Double.init)
        }
    }

    /// An undefined value for a missing variable.
    static func missing(_ name: String) -> Value { .undefined(reason: "'\(name)' is undefined") }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension Value: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    package init(arrayLiteral elements: Value...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, Value)...) { self = .object(OrderedObject(elements)) }
}

extension Value {
    /// The template's view of a JSON value. Members keep their order, which a template's `tojson` shows.
    package init(_ json: JSON) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .largeInt(let text): self = .largeInt(text)
        case .double(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .array(let elements): self = .array(elements.map { Value($0) })
        case .object(let object): self = .object(OrderedObject(object.lazy.map { ($0.key, Value($0.value)) }))
        }
    }
}
