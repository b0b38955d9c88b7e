/// Tokens that are looked for in the text itself, the longest first, before it is cut into words.
struct AddedTokens: Sendable {
    struct Token: Sendable, Equatable {
        var id: Int32
        var content: String
        /// Swallows the white space before it, or after it.
        var lstrip = false
        var rstrip = false
        /// Only counts where no letter, mark, number or connector stands beside it.
        var singleWord = false
        /// Looked for in the normalised text instead of the text as given.
        var normalized = false
        var special = false
    }

    struct Piece: Equatable {
        var range: Range<Int>
        /// Nil for text between tokens.
        var token: Int32?
    }

    private struct Node {
        var token: Int32 = -1
        var children: [(byte: UInt8, node: Int32)] = []
    }

    /// Index into `tokens` rather than an id, so that equal contents keep their own flags.
    private var nodes = [Node()]
    private var firstBytes = [Bool](repeating: false, count: 256)
    private let tokens: [Token]

    init(_ tokens: [Token]) {
        self.tokens = tokens.filter { !$0.content.isEmpty }
        for (index, token) in self.tokens.enumerated() {
            var node = 0
            for byte in token.content.utf8 {
                if let child = nodes[node].children.first(where: { $0.byte == byte }) {
                    node = Int(child.node)
                } else {
                    nodes.append(Node())
                    nodes[node].children.append((byte, Int32(nodes.count - 1)))
                    node = nodes.count - 1
                }
            }
            nodes[node].token = Int32(index)
            firstBytes[Int(token.content.utf8.first ?? 0)] = true
        }
    }

    /// Calls `body` with the tokens in `text` and the non-empty texts between them. Special ones count as text unless `parseSpecial`.
    func forEachPiece(of text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, _ body: (Piece) -> Void) {
        guard !tokens.isEmpty else {
            if !text.isEmpty { body(Piece(range: 0..<text.count, token: nil)) }
            return
        }
        var done = 0
        var search = 0
        while let (index, found) = nextMatch(in: text, from: search) {
            search = found.upperBound
            let token = tokens[index]
            if token.special, !parseSpecial { continue }
            if token.singleWord, !standsAlone(found, in: text) { continue }
            var start = found.lowerBound
            if token.lstrip {
                while let scalar = lastScalar(in: text, before: start), scalar.properties.isWhitespace { start -= UTF8.width(scalar) }
                start = max(start, done)
            }
            var end = found.upperBound
            if token.rstrip {
                while end < text.count {
                    let (scalar, length) = decodeScalar(text, at: end)
                    guard scalar.properties.isWhitespace else { break }
                    end += length
                }
            }
            let range = min(start, end)..<end
            if done < range.lowerBound { body(Piece(range: done..<range.lowerBound, token: nil)) }
            body(Piece(range: range, token: token.id))
            done = range.upperBound
        }
        if done < text.count { body(Piece(range: done..<text.count, token: nil)) }
    }

    /// The leftmost match at or after `start`, of those the longest.
    private func nextMatch(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> (token: Int, range: Range<Int>)? {
        firstBytes.withUnsafeBufferPointer { firstBytes in
            for index in start..<max(start, text.count) where firstBytes[Int(text[index])] {
                var node = 0
                var end = index
                var best: (token: Int, range: Range<Int>)?
                while end < text.count, let child = nodes[node].children.first(where: { $0.byte == text[end] }) {
                    node = Int(child.node)
                    end += 1
                    if nodes[node].token >= 0 { best = (Int(nodes[node].token), index..<end) }
                }
                if let best { return best }
            }
            return nil
        }
    }

    private func standsAlone(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        if let before = lastScalar(in: text, before: range.lowerBound), Self.isWordCharacter(before) { return false }
        return range.upperBound == text.count || !Self.isWordCharacter(decodeScalar(text, at: range.upperBound).scalar)
    }

    private func lastScalar(in text: UnsafeBufferPointer<UInt8>, before end: Int) -> Unicode.Scalar? {
        guard end > 0 else { return nil }
        var start = end - 1
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        return decodeScalar(text, at: start).scalar
    }

    /// `\w` of Unicode Technical Standard 18.
    private static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}
