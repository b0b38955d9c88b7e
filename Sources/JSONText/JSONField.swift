/// A value of a JSON document and where it stands in it, read by typed getters whose errors say both. Requests, configs, tokenizers and manifests are
/// read with it; each says once what its own error is made of.
package struct JSONField<Failure: Error>: Sendable {
    /// Makes the error of a value that is not what was wanted. `got` and `wanted` are in words, as of `JSON.kind`.
    package typealias Refusal = @Sendable (_ path: String, _ got: String, _ wanted: String) -> Failure

    /// Null when there is none.
    package let value: JSON
    /// `model.merges[17]`; empty for the document itself.
    package let path: String
    private let isAbsent: Bool
    private let refusal: Refusal

    /// - Parameter value: nil when it is absent.
    package init(_ value: JSON?, at path: String = "", refusal: @escaping Refusal) {
        self.value = value ?? .null
        self.path = path
        isAbsent = value == nil
        self.refusal = refusal
    }

    // MARK: - Where it is, and what is in it

    /// The path of a member; of an element of a member, where `key` ends in its index.
    package func path(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The members of an object; none of anything else.
    package var members: JSONObject { value.object ?? JSONObject() }

    /// The member, unless it is absent or null.
    package subscript(key: String) -> JSON? {
        guard let member = value[key], !member.isNull else { return nil }
        return member
    }

    package func child(_ key: String) -> JSONField { JSONField(value[key], at: path(key), refusal: refusal) }

    package func child(_ index: Int) -> JSONField { JSONField(value[index], at: "\(path)[\(index)]", refusal: refusal) }

    /// The error of this value.
    package func refuse(wanted: String) -> Failure { refusal(path, isAbsent ? "nothing" : value.kind, wanted) }

    /// The error of a member that holds `value`.
    package func wrong(_ key: String, _ value: JSON, _ wanted: String) -> Failure { refusal(path(key), value.kind, wanted) }

    // MARK: - This value, which must be there

    package var string: String { get throws(Failure) { try required("a string", \.string) } }
    package var int: Int { get throws(Failure) { try required("a whole number", \.int) } }
    /// Any number, an infinity for one beyond all floats.
    package var double: Double { get throws(Failure) { try required("a number", \.double) } }
    package var bool: Bool { get throws(Failure) { try required("true or false", \.bool) } }
    package var array: [JSON] { get throws(Failure) { try required("an array", \.array) } }
    package var object: JSONObject { get throws(Failure) { try required("an object", \.object) } }

    private func required<T>(_ wanted: String, _ get: (JSON) -> T?) throws(Failure) -> T {
        guard let value = get(value) else { throw refuse(wanted: wanted) }
        return value
    }

    // MARK: - Members, nil when absent or null

    package func string(_ key: String) throws(Failure) -> String? { try optional(key, "a string", \.string) }
    package func bool(_ key: String) throws(Failure) -> Bool? { try optional(key, "true or false", \.bool) }

    /// A whole number; `2.0` counts as 2.
    package func int(_ key: String, in range: ClosedRange<Int> = .min ... .max) throws(Failure) -> Int? {
        guard let number = try optional(key, "a whole number", \.int) else { return nil }
        guard range.contains(number) else { throw wrong(key, self[key] ?? .null, Self.words(range)) }
        return number
    }

    /// A number that is finite, as a `Number` too.
    package func number<Number: BinaryFloatingPoint>(
        _ key: String, as type: Number.Type = Double.self, in range: ClosedRange<Double> = -.infinity ... .infinity,
        excludingLower: Bool = false
    ) throws(Failure) -> Number? {
        guard let value = self[key] else { return nil }
        guard let number = value.double, number.isFinite, Number(number).isFinite, range.contains(number),
            !(excludingLower && number <= range.lowerBound)
        else { throw wrong(key, value, Self.words(range, excludingLower: excludingLower)) }
        return Number(number)
    }

    package func array(_ key: String, of wanted: String = "an array") throws(Failure) -> [JSON]? { try optional(key, wanted, \.array) }

    package func object(_ key: String) throws(Failure) -> JSONField? {
        try optional(key, "an object", \.object) == nil ? nil : child(key)
    }

    /// An array of strings.
    package func strings(_ key: String) throws(Failure) -> [String]? {
        guard let elements = try array(key) else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let string = element.string else { throw wrong("\(key)[\(index)]", element, "a string") }
            strings.append(string)
        }
        return strings
    }

    private func optional<T>(_ key: String, _ wanted: String, _ get: (JSON) -> T?) throws(Failure) -> T? {
        guard let member = self[key] else { return nil }
        guard let value = get(member) else { throw wrong(key, member, wanted) }
        return value
    }

    // MARK: - Words

    private static func words(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound == .min, range.upperBound == .max) {
        case (true, true): "a whole number"
        case (false, true): "a whole number of at least \(range.lowerBound)"
        case (true, false): "a whole number of at most \(range.upperBound)"
        case (false, false): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    private static func words(_ range: ClosedRange<Double>, excludingLower: Bool) -> String {
        switch (range.upperBound.isFinite, range.lowerBound.isFinite) {
        case (true, true):
            excludingLower
                ? "a number above \(range.lowerBound) and at most \(range.upperBound)"
                : "a number from \(range.lowerBound) to \(range.upperBound)"
        case (false, true): "a finite number \(excludingLower ? "above" : "of at least") \(range.lowerBound)"
        default: "a finite number"
        }
    }
}
