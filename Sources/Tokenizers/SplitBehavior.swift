/// What happens to the matches of a splitting pattern (names as in `tokenizer.json`).
enum SplitBehavior: String, CaseIterable, Sendable {
    case isolated = "Isolated"
    case removed = "Removed"
    case contiguous = "Contiguous"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"

    /// The pieces that a text cut into `parts` (in order, matches and what lies between them) leaves.
    func pieces(_ parts: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        switch self {
        case .isolated:
            return parts.map(\.range)
        case .removed:
            return parts.filter { !$0.isMatch }.map(\.range)
        case .contiguous:
            var previous = false
            for part in parts {
                if part.isMatch == previous, let last = pieces.last {
                    pieces[pieces.count - 1] = last.lowerBound..<part.range.upperBound
                } else {
                    pieces.append(part.range)
                }
                previous = part.isMatch
            }
        case .mergedWithPrevious:
            var previous = false
            for part in parts {
                if part.isMatch, !previous, let last = pieces.last {
                    pieces[pieces.count - 1] = last.lowerBound..<part.range.upperBound
                } else {
                    pieces.append(part.range)
                }
                previous = part.isMatch
            }
        case .mergedWithNext:
            var previous = false
            for part in parts.reversed() {
                if part.isMatch, !previous, let last = pieces.last {
                    pieces[pieces.count - 1] = part.range.lowerBound..<last.upperBound
                } else {
                    pieces.append(part.range)
                }
                previous = part.isMatch
            }
            pieces.reverse()
        }
        return pieces
    }
}
