/// Finds stop strings in text that arrives in pieces, and holds back what may still become one.
struct StopMatcher {
    enum Outcome: Equatable {
        /// Text that is certainly part of the answer.
        case text(String)
        /// A stop string was completed; `text` is what came before it (with it, when included).
        case stopped(text: String, match: String)
    }

    private let stops: [[UInt8]]
    private let texts: [String]
    private let includesMatch: Bool
    private var held: [UInt8] = []

    init(_ strings: [String], includesMatch: Bool) {
        texts = strings.filter { !$0.isEmpty }
        stops = texts.map { Array($0.utf8) }
        self.includesMatch = includesMatch
    }

    mutating func append(_ piece: String) -> Outcome {
        if stops.isEmpty { return .text(piece) }
        held.append(contentsOf: piece.utf8)
        if let (range, index) = firstMatch() {
            let end = includesMatch ? range.upperBound : range.lowerBound
            let text = String(decoding: held[..<end], as: UTF8.self)
            held.removeAll()
            return .stopped(text: text, match: texts[index])
        }
        var keep = longestPossiblePrefix()
        // A held-back suffix starts at a character boundary, so that no piece holds half a character.
        while keep < held.count, keep > 0, held[held.count - keep] & 0xC0 == 0x80 { keep += 1 }
        let text = String(decoding: held[..<(held.count - keep)], as: UTF8.self)
        held.removeFirst(held.count - keep)
        return .text(text)
    }

    /// What was held back, once no more text will come.
    mutating func finish() -> String {
        defer { held.removeAll() }
        return String(decoding: held, as: UTF8.self)
    }

    /// The match that is complete first, and the longer of two that end together: the same however the text was cut.
    private func firstMatch() -> (Range<Int>, Int)? {
        var best: (Range<Int>, Int)?
        for (index, stop) in stops.enumerated() where stop.count <= held.count {
            for start in 0...(held.count - stop.count) where held[start..<(start + stop.count)].elementsEqual(stop) {
                let end = start + stop.count
                if best.map({ end < $0.0.upperBound || (end == $0.0.upperBound && start < $0.0.lowerBound) }) ?? true {
                    best = (start..<end, index)
                }
                break
            }
        }
        return best
    }

    /// Length of the longest end of `held` that begins some stop string.
    private func longestPossiblePrefix() -> Int {
        var longest = 0
        for stop in stops {
            var length = min(stop.count - 1, held.count)
            while length > longest {
                if held.suffix(length).elementsEqual(stop.prefix(length)) {
                    longest = length
                    break
                }
                length -= 1
            }
        }
        return longest
    }
}
