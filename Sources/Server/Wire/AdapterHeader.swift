import AdapterRegistry
import HTTPTypes
import JSONText
import RawStructuredFieldValues

/// The request header `Resa-Adapters`, an RFC 9651 list: `qwen-math;scale=0.8, r1-sae;layer=12;mode=splice`. What its parameters mean is for
/// `SelectionList`.
enum AdapterHeader {
    static let name = HTTPField.Name("Resa-Adapters")!

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
                " is not an RFC 9651 list (\(error)); write it like: qwen-math;scale=0.8, r1-sae;layer=12;mode=splice, "
                    + "and a number with more than three digits after the point as a string: scale=\"0.00025\"")
        }
        var list = SelectionList(limit: limit)
        for item in items {
            guard case .item(let item) = item else { throw bad(" holds an inner list; members are adapter names with parameters") }
            guard case .string(let adapter)? = json(item.rfc9651BareItem), !adapter.isEmpty else {
                throw bad(" has a member that is no adapter name; quote names that start with a digit")
            }
            var parameters: [(String, JSON)] = []
            for (key, item) in item.rfc9651Parameters {
                guard let value = json(item) else { throw bad(": \(key) of '\(adapter)' must be a name, a number or a string") }
                parameters.append((key, value))
            }
            do {
                try list.add(try SelectionMember(adapter, parameters))
            } catch {
                throw bad(error.place == nil ? " \(error)" : ": \(error)")
            }
        }
        return list.selections
    }

    private static func bad(_ problem: String) -> APIError { .bad(name.rawName, "header \(name.rawName)\(problem)") }

    /// Nil for bytes, dates and the like.
    private static func json(_ item: RFC9651BareItem) -> JSON? {
        switch item {
        case .string(let text), .token(let text), .displayString(let text): .string(text)
        case .integer(let number): .int(Int(number))
        case .decimal(let number): .double(Double(number))
        default: nil
        }
    }
}
