/// Suggestions for a misspelt name.
package enum NearNames {
    /// Up to `limit` of `names` whose edit distance to `name` is at most a third of its length, nearest first, ties in the given order.
    /// Looks at the first 4,000 names: file headers choose how many there are. Only error paths call it.
    package static func find(_ name: String, among names: [String], limit: Int = 3) -> [String] {
        let wanted = Array(name.utf8.prefix(120))
        let allowed = max(2, wanted.count / 3)
        return names.prefix(4_000).enumerated()
            .filter { abs($0.element.utf8.count - wanted.count) <= allowed }
            .map { (distance: distance(wanted, Array($0.element.utf8)), index: $0.offset, name: $0.element) }
            .filter { $0.distance <= allowed }
            .sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }
            .prefix(limit)
            .map(\.name)
    }

    /// The Levenshtein distance in bytes.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var previous = Array(0...b.count)
        for (row, byte) in a.enumerated() {
            var current = [row + 1]
            current.reserveCapacity(b.count + 1)
            for (column, other) in b.enumerated() {
                current.append(min(previous[column] + (byte == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[b.count]
    }
}
