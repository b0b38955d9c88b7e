// JSONText: the one JSON value of the package, its parser and its writer.
// It knows nothing about files, schemas or who sent the text.

/// A JSON value. Objects keep the order of their members.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction or exponent that fits in 64 bits.
    case int(Int)
    /// Such a number beyond 64 bits, as it is written: its digits, after a minus sign where it is negative. A float would change its value.
    case largeInt(String)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// What a document may hold, and may cost, before it is refused.
    package struct Rules: Sendable {
        package var maximumBytes = 256 << 20
        /// Nesting of arrays and objects; the parser recurses once per level.
        package var maximumDepth = 128
        /// Digits of a whole number, as many as Python's `json` reads.
        package var maximumDigits = 4300
        /// Formats such as safetensors forbid duplicate keys; elsewhere the last one wins.
        package var refusesDuplicateKeys = false
        /// Python's `json.dumps` writes `NaN`, `Infinity` and `-Infinity`, which RFC 8259 does not know.
        package var acceptsNonFinite = true
        /// Whether half a surrogate pair, which has no UTF-8 form, becomes U+FFFD; otherwise it is refused.
        package var replacesLoneSurrogates = false

        package init(maximumBytes: Int = 256 << 20, maximumDepth: Int = 128, refusesDuplicateKeys: Bool = false) {
            self.maximumBytes = maximumBytes
            self.maximumDepth = maximumDepth
            self.refusesDuplicateKeys = refusesDuplicateKeys
        }

        /// For messages from other programs: numbers are finite, and a string that was cut in the middle of an emoji is still a string.
        package static let message: Rules = {
            var rules = Rules(maximumDepth: 64)
            rules.acceptsNonFinite = false
            rules.replacesLoneSurrogates = true
            return rules
        }()
    }

    /// Parses the document in `bytes`, which must stay valid during the call only: one value, surrounded by nothing but white space (and
    /// an optional byte order mark). The default rules are for files, whose words must not change unseen.
    /// - Throws: `JSONError` that says at which line and column, and in which member, the text stops being JSON.
    package init(parsing bytes: UnsafeRawBufferPointer, rules: Rules = Rules()) throws(JSONError) {
        var parser = JSONParser(bytes, rules: rules)
        self = try parser.parseDocument()
    }

    /// As above, for bytes in any collection; `[UInt8]` and `Data` are not copied.
    package init(parsing bytes: some Collection<UInt8>, rules: Rules = Rules()) throws(JSONError) {
        let result = bytes.withContiguousStorageIfAvailable { buffer in
            Result { () throws(JSONError) in try JSON(parsing: UnsafeRawBufferPointer(buffer), rules: rules) }
        }
        guard let result else {
            try self.init(parsing: Array(bytes), rules: rules)
            return
        }
        self = try result.get()
    }

    package init(parsing text: String, rules: Rules = Rules()) throws(JSONError) {
        try self.init(parsing: text.utf8, rules: rules)
    }
}

/// What is wrong with a JSON text, or with the value found under a key.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    /// The key path for a value of the wrong kind, `line L column C` for a syntax error.
    package let place: String
    package let got: String
    package let wanted: String
    /// The path of the member whose value was being read when a syntax error was found; keys are cut to 80 characters.
    package private(set) var field: String?

    package init(place: String, got: String, wanted: String) {
        self.place = place
        self.got = got
        self.wanted = wanted
    }

    /// `place`, and `field` where there is one.
    package var fullPlace: String { place + (field.map { " in \($0.prefix(80))" } ?? "") }

    package var description: String { "\(fullPlace): got \(got), wanted \(wanted)" }

    /// The same error, met while reading the value of `key`.
    func inside(_ key: String) -> JSONError {
        var error = self
        error.field = key.prefix(80) + (field.map { ".\($0)" } ?? "")
        return error
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(elements.map { (key: $0.0, value: $0.1) }))
    }

    /// The shortest decimal that reads back as the same `Float`.
    package static func float(_ value: Float) -> JSON { .double(Double(value.description) ?? Double(value)) }

    package static func optional(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
}
