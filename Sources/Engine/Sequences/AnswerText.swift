/// How an answer's reasoning is told from its content: by `<think>` and `</think>` in the text.
package struct ReasoningTags: Sendable, Equatable {
    /// The prompt ended in an open `<think>`, so the answer holds only the closing tag.
    package var startsInside: Bool
    /// The reader gets the reasoning too.
    package var isShown: Bool

    package init(startsInside: Bool, isShown: Bool = true) {
        self.startsInside = startsInside
        self.isShown = isShown
    }
}

/// What becomes of a choice's text on its way to the reader: reasoning and content are told apart, and a stop string ends both.
///
/// Stop strings are looked for in what the reader sees, in the reasoning and in the content each by itself: the tags are no text, nor is the
/// white space around them, which nobody sees either. So no stop string can cut a tag in two or match its letters. One that holds a whole
/// tag means the tag, and is looked for in what the model wrote. Where nothing is told apart, tags are text like any other.
struct AnswerText {
    typealias Piece = ReasoningSplitter.Piece

    /// The stop string that ended the answer.
    private(set) var stop: String?
    private var splitter: ReasoningSplitter?
    /// Of what the model wrote, of the reasoning, and of the content.
    private var written: StopMatcher
    private var reasoning: StopMatcher
    private var content: StopMatcher

    /// - Parameter tags: nil when nothing is to be told apart.
    init(_ stops: StopConditions, tags: ReasoningTags?) {
        func matcher(_ strings: [String]) -> StopMatcher { StopMatcher(strings, includesMatch: stops.includeStopText) }
        func meansTag(_ string: String) -> Bool {
            tags != nil && (string.contains(ReasoningSplitter.opening) || string.contains(ReasoningSplitter.closing))
        }
        splitter = tags.map { ReasoningSplitter(startsInside: $0.startsInside) }
        let seen = stops.strings.filter { !meansTag($0) }
        written = matcher(stops.strings.filter(meansTag))
        reasoning = matcher(tags?.isShown == true ? seen : [])
        content = matcher(seen)
    }

    /// The text that comes next belongs to the reasoning.
    var isReasoning: Bool { splitter?.isReasoning ?? false }

    /// - Returns: what is certainly part of the answer now. Nothing once a stop string was found.
    mutating func append(_ text: String) -> Piece {
        if stop != nil { return Piece() }
        switch written.append(text) {
        case .text(let text): return seen(text)
        case .stopped(let text, let match):
            var piece = seen(text)
            piece += rest()
            // One that ends earlier goes first.
            stop = stop ?? match
            return piece
        }
    }

    /// What was held back, once no more text will come. May complete a stop string: what could have become a tag is text now.
    mutating func finish() -> Piece {
        if stop != nil { return Piece() }
        var piece = seen(written.finish())
        piece += rest()
        return piece
    }

    private mutating func seen(_ text: String) -> Piece {
        guard let piece = splitter?.append(text) else { return matched(Piece(content: text)) }
        return matched(piece)
    }

    private mutating func rest() -> Piece {
        var piece = Piece()
        if stop == nil, let last = splitter?.finish() { piece += matched(last) }
        if stop == nil { piece += Piece(reasoning: reasoning.finish(), content: content.finish()) }
        return piece
    }

    private mutating func matched(_ piece: Piece) -> Piece {
        var result = Piece()
        if !piece.reasoning.isEmpty { result.reasoning = Self.text(reasoning.append(piece.reasoning), &stop) }
        if stop != nil || piece.content.isEmpty { return result }
        // Once content has begun, what was held back of the reasoning cannot go on.
        result.reasoning += reasoning.finish()
        result.content = Self.text(content.append(piece.content), &stop)
        return result
    }

    private static func text(_ outcome: StopMatcher.Outcome, _ stop: inout String?) -> String {
        switch outcome {
        case .text(let text): return text
        case .stopped(let text, let match):
            stop = match
            return text
        }
    }
}
