/// The members of a JSON object, in the order of the document. Keys are compared by their code points; of duplicate keys the last value
/// wins, at the first one's place. Equal are objects with equal members in the same order.
///
/// Looking up, adding and replacing take constant time, removing takes linear time.
package struct JSONObject: Sendable, Equatable {
    private var members: [(key: String, value: JSON)] = []
    /// Where the members are; nil while scanning a few is quicker. A tokeniser's vocabulary has 150,000 members, most objects have five.
    private var positions: [ExactText: Int]?
    private static let scanLimit = 16

    package init() {}

    package init(_ members: [(key: String, value: JSON)]) {
        self.members.reserveCapacity(members.count)
        for (key, value) in members { updateValue(value, forKey: key) }
    }

    package var keys: [String] { members.map(\.key) }

    /// Setting nil removes the member.
    package subscript(key: String) -> JSON? {
        get { position(of: key).map { members[$0].value } }
        set { if let newValue { updateValue(newValue, forKey: key) } else { removeValue(forKey: key) } }
    }

    /// - Returns: the value that was there before; nil when the key is new.
    @discardableResult
    package mutating func updateValue(_ value: JSON, forKey key: String) -> JSON? {
        if let position = positions == nil ? position(of: key) : Self.claim(&positions![ExactText(key)], members.count) {
            let old = members[position].value
            members[position].value = value
            return old
        }
        members.append((key, value))
        if positions == nil, members.count > Self.scanLimit { indexMembers() }
        return nil
    }

    /// - Returns: the value that was there; nil when there was none.
    @discardableResult
    package mutating func removeValue(forKey key: String) -> JSON? {
        guard let position = position(of: key) else { return nil }
        let old = members.remove(at: position).value
        if positions != nil { indexMembers() }
        return old
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.elementsEqual(right.members) { $0.key.isIdentical(to: $1.key) && $0.value == $1.value }
    }

    private func position(of key: String) -> Int? {
        if let positions { return positions[ExactText(key)] }
        return members.firstIndex { $0.key.isIdentical(to: key) }
    }

    /// What `slot` holds; when that is nothing, it gets `position`. One hashing does for both.
    private static func claim(_ slot: inout Int?, _ position: Int) -> Int? {
        if let slot { return slot }
        slot = position
        return nil
    }

    private mutating func indexMembers() {
        var positions: [ExactText: Int] = [:]
        positions.reserveCapacity(members.count)
        for (position, member) in members.enumerated() { positions[ExactText(member.key)] = position }
        self.positions = positions
    }
}

extension JSONObject: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { members.count }
    package subscript(position: Int) -> (key: String, value: JSON) { members[position] }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self.init(elements.map { (key: $0.0, value: $0.1) })
    }
}
