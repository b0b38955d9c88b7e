import JSONText

/// Reads typed fields of one JSON object. Every error names the field by its full path; absent and null are the same.
struct FieldReader {
    let object: JSONObject
    /// Path of the object itself, with a trailing dot; empty for the body.
    let path: String

    init(_ object: JSONObject, path: String = "") {
        self.object = object
        self.path = path
    }

    /// The body of a request, which must be an object.
    init(body: some Collection<UInt8>) throws(APIError) {
        let value: JSON
        do {
            value = try JSON(parsing: body, rules: .message)
        } catch {
            throw .bad(error.field, "the body is not valid JSON: \(error)", code: "invalid_json")
        }
        guard case .object(let object) = value else {
            throw .bad(nil, "the body must be a JSON object, not \(value.kind)", code: "invalid_json")
        }
        self.init(object)
    }

    /// The field, unless absent or null.
    subscript(key: String) -> JSON? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    func wrong(_ key: String, _ value: JSON, _ wanted: String) -> APIError {
        .bad(path + key, "\(path)\(key) must be \(wanted), not \(value.kind)")
    }

    func string(_ key: String) throws(APIError) -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.string else { throw wrong(key, value, "a string") }
        return text
    }

    func bool(_ key: String) throws(APIError) -> Bool? {
        guard let value = self[key] else { return nil }
        guard let flag = value.bool else { throw wrong(key, value, "true or false") }
        return flag
    }

    /// A whole number; `2.0` counts as 2.
    func int(_ key: String, in range: ClosedRange<Int> = .min ... .max) throws(APIError) -> Int? {
        guard let value = self[key] else { return nil }
        guard let number = value.int else { throw wrong(key, value, "a whole number") }
        guard range.contains(number) else { throw wrong(key, value, Self.words("a whole number", range)) }
        return number
    }

    func number(_ key: String, in range: ClosedRange<Double>, excludingLower: Bool = false) throws(APIError) -> Double? {
        guard let value = self[key] else { return nil }
        let wanted =
            switch (range.upperBound.isFinite, range.lowerBound.isFinite) {
            case (true, true):
                excludingLower
                    ? "a number above \(range.lowerBound) and at most \(range.upperBound)"
                    : "a number from \(range.lowerBound) to \(range.upperBound)"
            case (false, true): "a finite number \(excludingLower ? "above" : "of at least") \(range.lowerBound)"
            default: "a finite number"
            }
        guard let number = value.double, number.isFinite, Float(number).isFinite, range.contains(number),
            !(excludingLower && number <= range.lowerBound)
        else { throw wrong(key, value, wanted) }
        return number
    }

    func array(_ key: String, of wanted: String = "an array") throws(APIError) -> [JSON]? {
        guard let value = self[key] else { return nil }
        guard let elements = value.array else { throw wrong(key, value, wanted) }
        return elements
    }

    func object(_ key: String) throws(APIError) -> FieldReader? {
        guard let value = self[key] else { return nil }
        guard let object = value.object else { throw wrong(key, value, "an object") }
        return FieldReader(object, path: "\(path)\(key).")
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

    private static func words(_ kind: String, _ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound == .min, range.upperBound == .max) {
        case (true, true): kind
        case (false, true): "\(kind) of at least \(range.lowerBound)"
        case (true, false): "\(kind) of at most \(range.upperBound)"
        case (false, false): "\(kind) from \(range.lowerBound) to \(range.upperBound)"
        }
    }
}
