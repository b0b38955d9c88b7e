/// Names close enough to a misspelt one to be what was meant.
enum NearNames {
    /// Up to three, nearest first: those within a third of the longer name's length in edits (Levenshtein), ignoring case, or that contain
    /// or are contained in it.
    static func of(_ name: String, among names: [String]) -> [String] {
        let wanted = Array(name.lowercased().prefix(200))
        let scored = names.compactMap { candidate -> (distance: Int, name: String)? in
            let other = Array(candidate.lowercased().prefix(200))
            let distance = distance(wanted, other)
            if distance * 3 <= max(wanted.count, other.count) { return (distance, candidate) }
            let contains = wanted.count >= 3 && other.count >= 3 && (other.contains(wanted) || wanted.contains(other))
            return contains ? (distance, candidate) : nil
        }
        return scored.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
    }

    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        var row = Array(0...other.count)
        for (i, character) in one.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, candidate) in other.enumerated() {
                let substituted = diagonal + (character == candidate ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[other.count]
    }
}
