import Checkpoints
import Foundation
import JSONText

/// Typed access to a flat JSON config of an adapter, with errors that name the file, the key, what was got and what was wanted.
struct ConfigReader {
    let adapter: String
    let file: String
    let object: JSONObject

    /// A config is a few kilobytes; one larger than this is not a config.
    static let sizeLimit = 16 << 20
    /// The largest models have some 600 projections.
    static let entryLimit = 4096

    init(folder: URL, file: String, adapter: String, shownAs: String? = nil) throws(AdapterError) {
        self.adapter = adapter
        self.file = shownAs ?? file
        let path = folder.appendingPathComponent(file).path
        do {
            guard case .object(let object) = try JSON(file: path, rules: JSON.Rules(maximumBytes: Self.sizeLimit)) else {
                throw AdapterError.badFile(adapter: adapter, file: self.file, problem: "it is not a JSON object")
            }
            self.object = object
        } catch {
            throw AdapterError(error, adapter: adapter, file: self.file, path: path)
        }
    }

    private init(adapter: String, file: String, object: JSONObject) {
        self.adapter = adapter
        self.file = file
        self.object = object
    }

    /// The object under a key; nil when it is missing or null.
    func section(_ key: String) throws(AdapterError) -> ConfigReader? {
        guard let value = value(key) else { return nil }
        guard case .object(let object) = value else { throw problem(key, got: value, wanted: "an object") }
        return ConfigReader(adapter: adapter, file: file, object: object)
    }

    /// The value of a key; nil when it is missing or null.
    func value(_ key: String) -> JSON? {
        guard let value = object[key], value != .null else { return nil }
        return value
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(AdapterError) -> Int? {
        guard let value = value(key) else { return nil }
        guard let integer = value.int, range.contains(integer) else {
            throw problem(key, got: value, wanted: "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    func bool(_ key: String) throws(AdapterError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .bool(let bool) = value else { throw problem(key, got: value, wanted: "true or false") }
        return bool
    }

    func string(_ key: String) throws(AdapterError) -> String? {
        guard let value = value(key) else { return nil }
        guard case .string(let string) = value else { throw problem(key, got: value, wanted: "a string") }
        return string
    }

    func number(_ key: String) throws(AdapterError) -> Double? {
        guard let value = value(key) else { return nil }
        return try number(value, key)
    }

    /// A table of numbers, such as PEFT's `alpha_pattern`, in the file's order.
    func numbers(_ key: String) throws(AdapterError) -> [(key: String, value: Double)] {
        guard let value = value(key) else { return [] }
        guard case .object(let entries) = value else { throw problem(key, got: value, wanted: "an object of numbers") }
        guard entries.count <= Self.entryLimit else {
            throw .badFile(adapter: adapter, file: file, problem: "'\(key)' has \(entries.count) entries, the limit is \(Self.entryLimit)")
        }
        var result: [(key: String, value: Double)] = []
        for (name, entry) in entries { result.append((name, try number(entry, "\(key).\(name)"))) }
        return result
    }

    /// A string, or a list of strings.
    func strings(_ key: String) throws(AdapterError) -> [String]? {
        guard let value = value(key) else { return nil }
        if case .string(let string) = value { return [string] }
        guard case .array(let elements) = value else { throw problem(key, got: value, wanted: "a list of strings") }
        var result: [String] = []
        for element in elements {
            guard case .string(let string) = element else { throw problem(key, got: element, wanted: "a list of strings") }
            result.append(string)
        }
        return result
    }

    private func number(_ value: JSON, _ key: String) throws(AdapterError) -> Double {
        guard let number = value.double, number.isFinite else { throw problem(key, got: value, wanted: "a finite number") }
        return number
    }

    /// Refuses a key that is set and stands in none of the lists: nobody can say that it changes nothing. "Not used" is spelled in many ways,
    /// see `JSON.isEmpty`; a key that is there and means that is as good as none.
    /// - Parameters:
    ///   - known: keys that are followed, refused elsewhere by what they say, or known to change nothing.
    ///   - passingValues: lets numbers and texts pass: where every key is written with its default, they are parameters of switches that are off.
    func refuseUnknown(_ known: Set<String>, passingValues: Bool = false) throws(AdapterError) {
        for key in object.keys.sorted() where !known.contains(key) {
            guard let value = value(key), !value.isEmpty else { continue }
            switch value {
            case .int, .largeInt, .double, .string: if passingValues { continue }
            default: break
            }
            throw .unsupported(
                adapter: adapter, feature: "'\(key)' (here \(value.kind)) in \(file), of which nothing is known,",
                advice: "remove it if it changes nothing of what the adapter computes")
        }
    }

    func problem(_ key: String, got: JSON, wanted: String) -> AdapterError {
        .badFile(adapter: adapter, file: file, problem: "'\(key)' is \(got.kind), wanted \(wanted)")
    }
}

extension JSON {
    /// Whether Python would take it for false: null, false, 0, "", [], {}. Config writers spell "not used" in all these ways.
    var isEmpty: Bool {
        switch self {
        case .null: true
        case .bool(let bool): !bool
        case .int(let integer): integer == 0
        case .largeInt: false
        case .double(let double): double == 0
        case .string(let string): string.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let entries): entries.isEmpty
        }
    }
}
