import AdapterRegistry
import JSONText

/// The body field `adapters`: a list of names and of the objects that `SelectionObject` reads.
enum AdapterFields {
    /// - Returns: nil when the request has no such field.
    static func read(_ fields: FieldReader, limit: Int) throws(APIError) -> [AdapterSelection]? {
        guard let value = fields["adapters"] else { return nil }
        return try read(value, at: fields.path("adapters"), limit: limit)
    }

    /// - Parameter value: a list of adapters that stands at `path`.
    static func read(_ value: JSON, at path: String, limit: Int) throws(APIError) -> [AdapterSelection] {
        var list = SelectionList(limit: limit, place: path)
        do {
            try list.add(elementsOf: SelectionObject.Field(selections: value, at: path))
        } catch {
            throw .bad(error.place, error.description)
        }
        return list.selections
    }
}
