/// Suggestions for a misspelt name.
package enum NearNames {
    /// Up to `limit` of `names` that `name` may have meant, whatever its case: first those whose edit distance to it is at most two or a
    /// third of its length, nearest first; then those that contain it or are contained in it. Ties stand in the given order.
    ///
    /// Looks at the first 4,000 names: file headers choose how many there are. Only error paths call it.
    package static func find(_ name: String, among names: [String], limit: Int = 3) -> [String] {
        let wanted = name.prefix(120).lowercased()
        let letters = Array(wanted.utf8)
        let allowed = max(2, letters.count / 3)
        var found: [(distance: Int, index: Int)] = []
        for (index, candidate) in names.prefix(4_000).enumerated() {
            let candidate = candidate.prefix(200).lowercased()
            let distance = abs(candidate.utf8.count - letters.count) <= allowed ? distance(letters, Array(candidate.utf8)) : .max
            if distance <= allowed {
                found.append((distance, index))
            } else if min(wanted.count, candidate.count) >= 3, candidate.contains(wanted) || wanted.contains(candidate) {
                found.append((.max, index))
            }
        }
        return found.sorted { $0 < $1 }.prefix(limit).map { names[$0.index] }
    }

    /// The Levenshtein distance in bytes.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
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
