import AdapterRegistry
import HTTPTypes
import JSONText

/// The adapters of a request, which may be named in three places: `model`, the field `adapters`, the header `Resa-Adapters`. Places that
/// disagree are refused: none is taken in silence.
struct AdapterChoice {
    let model: ModelField
    let selections: [AdapterSelection]
    /// Whether anything is said of adapters, be it that there are none.
    let isNamed: Bool
    /// Where they are named, as errors call it.
    let place: String

    static let field = "adapters"

    /// - Parameter known: names that `model` may hold.
    init(_ fields: FieldReader, _ headers: HTTPFields, base: String, known: [String], limit: Int) throws(APIError) {
        model = try ModelField(fields, base: base, adapters: known)
        let header = try AdapterHeader.read(headers, limit: limit)
        let body = try AdapterFields.read(fields, limit: limit)
        isNamed = model.adapter != nil || header != nil || body != nil
        selections = try Self.combine(model: model.adapter, header: header, body: body)
        place = body != nil ? Self.field : header != nil ? AdapterHeader.name.rawName : "model"
    }

    /// - Parameters:
    ///   - model: the adapter in `model`. It names no parameters, so it agrees with any list of just that adapter.
    ///   - header, body: nil when absent.
    static func combine(model: String?, header: [AdapterSelection]?, body: [AdapterSelection]?) throws(APIError) -> [AdapterSelection] {
        if let header, let body, header != body {
            throw .bad(
                "adapters", "header \(AdapterHeader.name.rawName) and field adapters disagree; send one of them, or the same in both")
        }
        guard let list = header ?? body else { return model.map { [AdapterSelection(name: $0)] } ?? [] }
        if let model, list.map(\.name) != [model] {
            throw .bad(
                "model",
                "model names the adapter '\(model)', but \(header == nil ? "field adapters" : "header \(AdapterHeader.name.rawName)") names \(list.isEmpty ? "none" : list.map { "'\($0.name)'" }.joined(separator: ", "))"
            )
        }
        return list
    }
}

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
