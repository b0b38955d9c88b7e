import AdapterRegistry
import Adapters
import JSONText

/// The body of a request, or an object in it. Every error is 400 and names the field by its full path; absent and null are the same.
typealias FieldReader = JSONField<APIError>

extension JSONField<APIError> {
    init(_ value: JSON, at path: String = "") {
        self.init(value, at: path) { path, got, wanted in .bad(path, "\(path) must be \(wanted), not \(got)") }
    }

    /// The body of a request, which must be an object.
    init(body: some Collection<UInt8>) throws(APIError) {
        let value: JSON
        do {
            value = try JSON(parsing: body, rules: .message)
        } catch {
            throw .bad(error.field, "the body is not valid JSON: \(error)", code: "invalid_json")
        }
        guard case .object = value else {
            throw .bad(nil, "the body must be a JSON object, not \(value.kind)", code: "invalid_json")
        }
        self.init(value)
    }

    /// The error of a member that cannot stay as it is.
    /// - Parameter problem: what follows its name.
    func bad(_ key: String, _ problem: String) -> APIError { .bad(path(key), "\(path(key)) \(problem)") }

    /// Which of the two places of a layer.
    func site(_ key: String) throws(APIError) -> HookPoint.Site? {
        guard let text = try string(key) else { return nil }
        guard let site = HookPoint.Site(rawValue: text) else {
            throw bad(key, "is '\(text.prefix(40))'; it is one of \(HookPoint.Site.names)")
        }
        return site
    }

    /// A list of token ids below `vocabSize`, `limit` at most.
    static func tokens(_ values: [JSON], path: String, vocabSize: Int, limit: Int) throws(APIError) -> [Int32] {
        guard values.count <= limit else {
            throw .bad(path, "\(path) has \(values.count) token ids; at most \(limit) are read (--max-token-ids)", code: "too_many_tokens")
        }
        var tokens: [Int32] = []
        tokens.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard let id = value.int, id >= 0, id < vocabSize else {
                throw .bad("\(path)[\(index)]", "\(path)[\(index)] must be a token id from 0 to \(vocabSize - 1), not \(value.kind)")
            }
            tokens.append(Int32(id))
        }
        return tokens
    }
}
