import JSONText

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
