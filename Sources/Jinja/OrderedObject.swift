import JSONText

/// A mapping that keeps the order of insertion. Keys are any hashable value; look-up takes constant time.
package struct OrderedObject: Sendable {
    private(set) var keys: [Value] = []
    private(set) var values: [Value] = []
    /// Built once the mapping outgrows a short scan.
    private var index: [HashKey: Int]?
    private static let scanLimit = 8

    package init() {}

    /// Later pairs win over earlier ones with the same key, at the earlier one's place.
    package init(_ pairs: some Sequence<(String, Value)>) {
        for (key, value) in pairs { self[key] = value }
    }

    package var count: Int { keys.count }

    /// The pairs in order.
    package var pairs: Zip2Sequence<[Value], [Value]> { zip(keys, values) }

    package subscript(key: String) -> Value? {
        get { position(of: .text(ExactText(key))).map { values[$0] } }
        set {
            if let newValue { set(.string(key), hash: .text(ExactText(key)), to: newValue) } else { remove(key) }
        }
    }

    /// The value under any key.
    /// - Returns: nil when absent or when the key cannot be a key.
    func value(for key: Value) -> Value? {
        guard let hash = HashKey(key) else { return nil }
        return position(of: hash).map { values[$0] }
    }

    /// - Returns: false when `key` is a list or mapping, which cannot be keys.
    @discardableResult
    mutating func insert(_ key: Value, _ value: Value) -> Bool {
        guard let hash = HashKey(key) else { return false }
        set(key, hash: hash, to: value)
        return true
    }

    private mutating func remove(_ key: String) {
        guard let position = position(of: .text(ExactText(key))) else { return }
        keys.remove(at: position)
        values.remove(at: position)
        if index != nil { rebuildIndex() }
    }

    private mutating func set(_ key: Value, hash: HashKey, to value: Value) {
        if let position = position(of: hash) {
            values[position] = value
            return
        }
        keys.append(key)
        values.append(value)
        if index != nil {
            index![hash] = keys.count - 1
        } else if keys.count > Self.scanLimit {
            rebuildIndex()
        }
    }

    private mutating func rebuildIndex() {
        var fresh: [HashKey: Int] = [:]
        for (position, key) in keys.enumerated() {
            if let hash = HashKey(key) { fresh[hash] = position }
        }
        index = fresh
    }

    private func position(of hash: HashKey) -> Int? {
        if let index { return index[hash] }
        if case .text(let wanted) = hash {
            return keys.firstIndex { if case .string(let text) = $0 { text.isIdentical(to: wanted.text) } else { false } }
        }
        return keys.firstIndex { HashKey($0) == hash }
    }
}

/// The identity of a value as a key of a mapping, with `1`, `1.0` and `true` being one key.
indirect enum HashKey: Hashable, Sendable {
    case none
    case integer(Int)
    /// Beyond 64 bits, by its digits.
    case largeInteger(String)
    case double(Double)
    case text(ExactText)
    case tuple([HashKey])

    /// Nil for values that cannot be keys.
    init?(_ value: Value) {
        switch value {
        case .none: self = .none
        case .bool(let flag): self = .integer(flag ? 1 : 0)
        case .int(let number): self = .integer(number)
        case .double(let number):
            switch number.rounded() == number ? Value.whole(number) : nil {
            case .int(let whole)?: self = .integer(whole)
            case .largeInt(let digits)?: self = .largeInteger(digits)
            default: self = .double(number)
            }
        case .largeInt(let digits): self = .largeInteger(digits)
        case .string(let text): self = .text(ExactText(text))
        case .tuple(let items):
            var parts: [HashKey] = []
            for item in items {
                guard let part = HashKey(item) else { return nil }
                parts.append(part)
            }
            self = .tuple(parts)
        case .undefined, .array, .object, .callable, .runtime: return nil
        }
    }
}
