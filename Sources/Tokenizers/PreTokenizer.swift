/// Cuts text into the words that are merged on their own.
struct PreTokenizer: Sendable {
    enum Step: Sendable {
        /// Cut at the matches of `pattern`, or, inverted, at what lies between them.
        case split(Pattern, SplitBehavior, invert: Bool)
        /// Cut numbers off, whole or digit by digit.
        case digits(individually: Bool)
        /// Put a space before a piece that does not begin with one.
        case prefixSpace
        /// SentencePiece's spaces: spaces become `mark`, and one is put before a piece that does not begin with one.
        case metaspace(mark: [UInt8], MetaspacePrefix)
    }

    /// Applied in order, each to every piece that the one before it leaves.
    let steps: [Step]
    /// Whether words are then looked at as bytes; else as characters.
    var isByteLevel = true

    /// GPT-2's pattern, which the `ByteLevel` pre-tokeniser applies when it says `use_regex`.
    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// Calls `body` with every word of `text`, valid UTF-8, in order. `body`'s pointer lives for that call only.
    /// - Parameter isStart: whether nothing stands before `text`, not even a token.
    func forEachWord(
        of text: UnsafeBufferPointer<UInt8>, isStart: Bool = true, _ memory: MatchMemory, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        guard !text.isEmpty else { return }
        if let view = UnicodeStandIns.view(of: text) {
            view.withUnsafeBufferPointer { run(0, original: text, view: $0, isStart, memory, body) }
        } else {
            run(0, original: text, view: text, isStart, memory, body)
        }
    }

    /// Patterns see `view`, words are cut from `original`; both have the same length and character boundaries.
    private func run(
        _ index: Int, original: UnsafeBufferPointer<UInt8>, view: UnsafeBufferPointer<UInt8>, _ isStart: Bool, _ memory: MatchMemory,
        _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        guard index < steps.count else { return body(original) }
        func piece(_ range: Range<Int>) {
            guard !range.isEmpty else { return }
            run(
                index + 1, original: UnsafeBufferPointer(rebasing: original[range]),
                view: UnsafeBufferPointer(rebasing: view[range]), isStart && range.lowerBound == 0, memory, body)
        }
        switch steps[index] {
        case .split(let pattern, .isolated, _):
            Self.forEachPart(of: view, pattern, memory) { range, _ in piece(range) }
        case .split(let pattern, let behavior, let invert):
            var parts: [(range: Range<Int>, isMatch: Bool)] = []
            Self.forEachPart(of: view, pattern, memory) { parts.append(($0, $1 != invert)) }
            behavior.pieces(parts).forEach(piece)
        case .digits(let individually):
            Digits.forEachPart(of: original, individually: individually) { piece($0) }
        case .prefixSpace:
            guard original.first != UInt8(ascii: " ") else { return run(index + 1, original: original, view: view, isStart, memory, body) }
            let spaced = [UInt8(ascii: " ")] + original
            let spacedView = [UInt8(ascii: " ")] + view
            spaced.withUnsafeBufferPointer { original in
                spacedView.withUnsafeBufferPointer { run(index + 1, original: original, view: $0, isStart, memory, body) }
            }
        case .metaspace(let mark, let prefix):
            let marked = prefix.marked(original, with: mark, isStart: isStart)
            let markedView = prefix.marked(view, with: mark, isStart: isStart)
            marked.withUnsafeBufferPointer { original in
                markedView.withUnsafeBufferPointer { run(index + 1, original: original, view: $0, isStart, memory, body) }
            }
        }
    }

    /// The matches of `pattern` and what lies between them, in order, without gaps.
    static func forEachPart(
        of text: UnsafeBufferPointer<UInt8>, _ pattern: Pattern, _ memory: MatchMemory, _ body: (Range<Int>, Bool) -> Void
    ) {
        var done = 0
        var search = 0
        while search < text.count, let match = pattern.firstMatch(in: text, from: search, memory) {
            if match.lowerBound > done { body(done..<match.lowerBound, false) }
            if match.lowerBound >= done { body(match, true) }
            done = max(done, match.upperBound)
            search = match.upperBound
            if match.isEmpty {
                // Step over one character, so that the next search can find something else.
                search += 1
                while search < text.count, text[search] & 0xC0 == 0x80 { search += 1 }
            }
        }
        if done < text.count { body(done..<text.count, false) }
    }
}
