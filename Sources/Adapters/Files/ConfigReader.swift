import Checkpoints
import Foundation
import JSONText

/// A flat JSON config of an adapter: its fields, with errors that name the file, the key, what was got and what was wanted.
struct ConfigReader {
    let adapter: String
    let file: String
    let fields: JSONField<AdapterError>

    /// A config is a few kilobytes; one larger than this is not a config.
    static let sizeLimit = 16 << 20
    /// The largest models have some 600 projections.
    static let entryLimit = 4096

    init(folder: URL, file: String, adapter: String, shownAs: String? = nil) throws(AdapterError) {
        let path = folder.appendingPathComponent(file).path
        let shown = shownAs ?? file
        do {
            let json = try JSON(file: path, rules: JSON.Rules(maximumBytes: Self.sizeLimit))
            guard case .object = json else { throw AdapterError.badFile(adapter: adapter, file: shown, problem: "it is not a JSON object") }
            self.init(
                adapter, shown, JSONField(json) { .badFile(adapter: adapter, file: shown, problem: "'\($0)' is \($1), wanted \($2)") })
        } catch {
            throw AdapterError(error, adapter: adapter, file: shown, path: path)
        }
    }

    private init(_ adapter: String, _ file: String, _ fields: JSONField<AdapterError>) {
        self.adapter = adapter
        self.file = file
        self.fields = fields
    }

    /// The object under a key; nil when it is missing or null.
    func section(_ key: String) throws(AdapterError) -> ConfigReader? {
        try fields.object(key).map { ConfigReader(adapter, file, $0) }
    }

    /// A table of numbers, such as PEFT's `alpha_pattern`, in the file's order.
    func numbers(_ key: String) throws(AdapterError) -> [(key: String, value: Double)] {
        guard let table = try fields.object(key) else { return [] }
        guard table.members.count <= Self.entryLimit else {
            throw .badFile(
                adapter: adapter, file: file, problem: "'\(key)' has \(table.members.count) entries, the limit is \(Self.entryLimit)")
        }
        var result: [(key: String, value: Double)] = []
        for (name, value) in table.members {
            guard let number = value.double, number.isFinite else { throw table.wrong(name, value, "a finite number") }
            result.append((name, number))
        }
        return result
    }

    /// A string, or a list of strings.
    func strings(_ key: String) throws(AdapterError) -> [String]? {
        if let string = fields[key]?.string { return [string] }
        return try fields.strings(key)
    }

    /// Refuses a key that is set and stands in none of the lists: nobody can say that it changes nothing. "Not used" is spelled in many ways,
    /// see `JSON.isEmpty`; a key that is there and means that is as good as none.
    /// - Parameters:
    ///   - known: keys that are followed, refused elsewhere by what they say, or known to change nothing.
    ///   - passingValues: lets numbers and texts pass: where every key is written with its default, they are parameters of switches that are off.
    func refuseUnknown(_ known: Set<String>, passingValues: Bool = false) throws(AdapterError) {
        for key in fields.members.keys.sorted() where !known.contains(key) {
            guard let value = fields[key], !value.isEmpty else { continue }
            switch value {
            case .int, .largeInt, .double, .string: if passingValues { continue }
            default: break
            }
            throw .unsupported(
                adapter: adapter, feature: "'\(key)' (here \(value.kind)) in \(file), of which nothing is known,",
                advice: "remove it if it changes nothing of what the adapter computes")
        }
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
