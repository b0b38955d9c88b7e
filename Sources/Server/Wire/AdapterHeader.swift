import AdapterRegistry
import Adapters
import HTTPTypes
import RawStructuredFieldValues

/// The request header `Resa-Adapters`, an RFC 9651 list: `qwen-math;scale=0.8, r1-sae;layer=12;mode=splice`.
///
/// Beside the parameters of the body field, one edit per member is written `r1-sae;latent=4637;op=add;value=6.0`; further edits of the
/// same SAE are further members with its name. A window is `from=10;to=20`, a condition `when=12;above=1.5`, with `when-adapter`, `when-layer`
/// and `when-at` for another SAE.
enum AdapterHeader {
    static let name = HTTPField.Name("Resa-Adapters")!
    private static let known: Set<String> = [
        "scale", "layer", "at", "mode", "top", "scope", "from", "to", "latent", "op", "value", "when", "above", "when-adapter",
        "when-layer", "when-at",
    ]
    private typealias Parameters = OrderedMap<String, RFC9651BareItem>

    /// - Returns: nil when the request has no such header.
    static func read(_ headers: HTTPFields, limit: Int) throws(APIError) -> [AdapterSelection]? {
        let lines = headers[values: name]
        guard !lines.isEmpty else { return nil }
        let items: [ItemOrInnerList]
        do {
            var parser = StructuredFieldValueParser(Array(lines.joined(separator: ", ").utf8))
            items = try parser.parseListFieldValue()
        } catch {
            throw bad(
                "is not an RFC 9651 list (\(error)); write it like: qwen-math;scale=0.8, r1-sae;layer=12;mode=splice, "
                    + "and a number with more than three digits after the point as a string: scale=\"0.00025\"")
        }
        var selections: [AdapterSelection] = []
        for item in items {
            guard case .item(let item) = item else { throw bad("holds an inner list; members are adapter names with parameters") }
            let next = try selection(item)
            guard selections.merge(next) else {
                throw bad("names '\(next.name)' twice with edits, but scale, mode, top or scope differ")
            }
        }
        guard selections.count <= limit else { throw bad("names \(selections.count) adapters; at most \(limit) are allowed") }
        return selections
    }

    private static func bad(_ message: String) -> APIError {
        .bad(name.rawName, "header \(name.rawName) \(message)")
    }

    private static func selection(_ item: Item) throws(APIError) -> AdapterSelection {
        guard let adapter = text(item.rfc9651BareItem), !adapter.isEmpty else {
            throw bad("has a member that is no adapter name; quote names that start with a digit")
        }
        let parameters = item.rfc9651Parameters
        if let stranger = parameters.map(\.0).first(where: { !known.contains($0) }) {
            throw bad("gives '\(adapter)' the parameter \(stranger); known are \(known.sorted().joined(separator: ", "))")
        }
        var selection = AdapterSelection(name: adapter)
        selection.scale = try number(parameters, "scale", adapter).map { Float($0) }
        selection.layer = try whole(parameters, "layer", adapter)
        selection.at = try choice(parameters, "at", adapter)
        selection.mode = try choice(parameters, "mode", adapter)
        selection.top = try whole(parameters, "top", adapter)
        if let scope = try scope(parameters, adapter) { selection.scope = scope }
        selection.when = try condition(parameters, adapter)
        if let edit = try edit(parameters, adapter) { selection.edits = [edit] }
        return selection
    }

    private static func edit(_ parameters: Parameters, _ adapter: String) throws(APIError) -> LatentEdit? {
        let latent = try whole(parameters, "latent", adapter)
        let operation: LatentEdit.Operation? = try choice(parameters, "op", adapter)
        let value = try number(parameters, "value", adapter)
        guard let latent else {
            guard operation == nil, value == nil else { throw bad("gives '\(adapter)' an edit without latent=NUMBER") }
            return nil
        }
        guard let operation else {
            throw bad("gives '\(adapter)' an edit without op; it is one of \(AdapterFields.names(LatentEdit.Operation.self))")
        }
        guard value != nil || operation == .ablate else { throw bad("gives '\(adapter)' the edit \(operation.rawValue) without a value") }
        return LatentEdit(latent: latent, op: operation, value: Float(value ?? 0))
    }

    private static func condition(_ parameters: Parameters, _ adapter: String) throws(APIError) -> ConditionSelection? {
        let latent = try whole(parameters, "when", adapter)
        let above = try number(parameters, "above", adapter)
        let other = parameters["when-adapter"].map { text($0) ?? "" }
        let layer = try whole(parameters, "when-layer", adapter)
        let site: HookPoint.Site? = try choice(parameters, "when-at", adapter)
        guard let latent else {
            guard above == nil, other == nil, layer == nil, site == nil else {
                throw bad("gives '\(adapter)' a condition without when=LATENT")
            }
            return nil
        }
        guard let above, above >= 0 else {
            throw bad("gives '\(adapter)' a condition without above=ACTIVATION, a number of at least 0")
        }
        guard other?.isEmpty != true else { throw bad("gives '\(adapter)' a when-adapter that is no adapter name") }
        return ConditionSelection(latent: latent, above: Float(above), adapter: other, layer: layer, at: site)
    }

    private static func scope(_ parameters: Parameters, _ adapter: String) throws(APIError) -> InterventionScope? {
        let from = try whole(parameters, "from", adapter)
        let to = try whole(parameters, "to", adapter)
        guard parameters["scope"] != nil || from != nil || to != nil else { return nil }
        var scope = InterventionScope.all
        if let item = parameters["scope"] {
            guard let name = text(item), let named = InterventionScope(name: name) else {
                throw bad("gives '\(adapter)' an unknown scope; it is one of \(InterventionScope.names)")
            }
            scope = named
        }
        guard from != nil || to != nil else { return scope }
        let start = from ?? 0
        let end = to ?? Int(Int32.max)
        guard start <= end else { throw bad("gives '\(adapter)' a window from \(start) to \(end); the end comes before the start") }
        scope.positions = start..<end
        return scope
    }

    // MARK: - Bare items

    private static func text(_ item: RFC9651BareItem) -> String? {
        switch item {
        case .string(let text), .token(let text), .displayString(let text): text
        default: nil
        }
    }

    private static func number(_ parameters: Parameters, _ key: String, _ adapter: String) throws(APIError) -> Double? {
        guard let item = parameters[key] else { return nil }
        let value: Double? =
            switch item {
            case .integer(let number): Double(number)
            case .decimal(let number): Double(number)
            // A structured decimal has three digits after the point; a quoted number may have more.
            case .string(let text): Double(text)
            default: nil
            }
        guard let value, Float(value).isFinite else { throw bad("gives '\(adapter)' the parameter \(key), which must be a number") }
        return value
    }

    private static func whole(_ parameters: Parameters, _ key: String, _ adapter: String) throws(APIError) -> Int? {
        guard let item = parameters[key] else { return nil }
        guard case .integer(let number) = item, number >= 0, number <= Int64(Int32.max) else {
            throw bad("gives '\(adapter)' the parameter \(key), which must be a whole number of at least 0")
        }
        return Int(number)
    }

    private static func choice<T: RawRepresentable & CaseIterable>(_ parameters: Parameters, _ key: String, _ adapter: String)
        throws(APIError) -> T?
    where T.RawValue == String {
        guard let item = parameters[key] else { return nil }
        guard let text = text(item), let choice = T(rawValue: text) else {
            throw bad("gives '\(adapter)' an unknown \(key); it is one of \(AdapterFields.names(T.self))")
        }
        return choice
    }
}
