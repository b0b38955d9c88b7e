import Adapters

/// Splits an answer, as it streams, into the reasoning inside `<think>` and the content after `</think>`.
///
/// Tags may be cut anywhere between pieces of text. White space around the reasoning and before the content is dropped, so the pieces
/// join to the same two texts however the answer was cut.
package struct ReasoningSplitter: Sendable {
    package struct Piece: Sendable, Equatable {
        package var reasoning: String
        package var content: String

        package init(reasoning: String = "", content: String = "") {
            self.reasoning = reasoning
            self.content = content
        }

        package var isEmpty: Bool { reasoning.isEmpty && content.isEmpty }

        package static func += (piece: inout Piece, more: Piece) {
            piece.reasoning += more.reasoning
            piece.content += more.content
        }
    }

    private enum State: Sendable {
        /// Nothing but white space so far: reasoning may still open.
        case undecided
        case reasoning
        /// After `</think>`: leading white space is dropped.
        case contentStart
        case content
    }

    package static let opening = ThinkTags.opening
    package static let closing = ThinkTags.closing
    private static let openingTag = Array(opening.unicodeScalars)
    private static let closingTag = Array(closing.unicodeScalars)

    private var state: State
    /// Scalars, not characters: a combining mark that arrives after a tag must not change what the tag is.
    private var held: [Unicode.Scalar] = []
    /// Something of the reasoning was already given out.
    private var hasReasoned = false

    /// - Parameter startsInside: the prompt ended in an open `<think>`, so the answer holds only the closing tag.
    init(startsInside: Bool) {
        state = startsInside ? .reasoning : .undecided
    }

    /// The text that comes next belongs to the reasoning.
    var isReasoning: Bool { state == .reasoning }

    mutating func append(_ text: String) -> Piece {
        if state == .content { return Piece(content: text) }
        held.append(contentsOf: text.unicodeScalars)
        var piece = Piece()
        while step(into: &piece) {}
        return piece
    }

    /// What was held back, once no more text will come.
    mutating func finish() -> Piece {
        defer { held = [] }
        switch state {
        case .reasoning: return Piece(reasoning: Self.text(Self.trimmed(held[...], start: !hasReasoned, end: true)))
        case .undecided, .content: return Piece(content: Self.text(held[...]))
        case .contentStart: return Piece()
        }
    }

    /// - Returns: whether the state changed, so that the rest of the held text must be looked at again.
    private mutating func step(into piece: inout Piece) -> Bool {
        switch state {
        case .undecided:
            let text = held.drop(while: \.properties.isWhitespace)
            if text.starts(with: Self.openingTag) {
                held = Array(text.dropFirst(Self.openingTag.count))
                state = .reasoning
                return true
            }
            if Self.openingTag.starts(with: text) { return false }
            state = .content
            return true
        case .reasoning:
            if let tag = held.firstRange(of: Self.closingTag) {
                piece.reasoning += Self.text(Self.trimmed(held[..<tag.lowerBound], start: !hasReasoned, end: true))
                held = Array(held[tag.upperBound...])
                state = .contentStart
                return true
            }
            releaseReasoning(into: &piece)
            return false
        case .contentStart:
            held = Array(held.drop(while: \.properties.isWhitespace))
            guard !held.isEmpty else { return false }
            state = .content
            return true
        case .content:
            piece.content += Self.text(held[...])
            held = []
            return false
        }
    }

    /// Gives out all but what may be the start of the closing tag, and the white space before it.
    private mutating func releaseReasoning(into piece: inout Piece) {
        var end = held.count
        for length in stride(from: min(Self.closingTag.count - 1, held.count), to: 0, by: -1)
        where held.suffix(length).elementsEqual(Self.closingTag.prefix(length)) {
            end = held.count - length
            break
        }
        while end > 0, held[end - 1].properties.isWhitespace { end -= 1 }
        let text = Self.trimmed(held[..<end], start: !hasReasoned, end: false)
        if !text.isEmpty {
            piece.reasoning += Self.text(text)
            hasReasoned = true
        }
        held.removeFirst(end)
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }

    private static func trimmed(_ scalars: ArraySlice<Unicode.Scalar>, start: Bool, end: Bool) -> ArraySlice<Unicode.Scalar> {
        var scalars = scalars
        if start { scalars = scalars.drop(while: \.properties.isWhitespace) }
        if end { while scalars.last?.properties.isWhitespace == true { scalars.removeLast() } }
        return scalars
    }
}
