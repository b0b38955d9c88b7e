/// Where a word of a SentencePiece vocabulary, often a whole text, may be cut before merging without changing the outcome: before a `▁` that
/// follows a character which no token holds before a `▁`. Merges only yield tokens, so none can reach across such a place. The pieces are short
/// and come again and again, which is what `WordCache` needs.
struct WordCuts: Sendable {
    private static let mark = TokenDecoder.space
    /// Characters that stand before a `▁` inside some token.
    private let crossing: Set<UInt32>

    /// Looks at every token once. Nil where nothing can be said: `▁` is no token, or byte tokens or the unknown one are parts of others.
    init?(_ vocabulary: Vocabulary, unknownToken: Int32?) {
        guard Self.mark.withUnsafeBufferPointer({ vocabulary.id(ofBytes: $0) }) != nil else { return nil }
        let unknown = unknownToken.map { Array(vocabulary.nameBytes(Int($0))) } ?? []
        var crossing: Set<UInt32> = []
        for id in 0..<vocabulary.count {
            let holds = vocabulary.withName(of: id) { name -> Bool in
                for index in name.indices {
                    if name[index] == 0x3C, index > 0 || name.count > 6, TokenDecoder.byte(named: name[index...].prefix(6)) != nil {
                        return true
                    }
                    if let first = unknown.first, name[index] == first, name.count > unknown.count, name[index...].starts(with: unknown) {
                        return true
                    }
                    if index > 0, Self.isMark(name, at: index), !Self.followsMark(name, index) {
                        crossing.insert(Self.scalar(name, before: index))
                    }
                }
                return false
            }
            if holds { return nil }
        }
        self.crossing = crossing
    }

    /// Calls `body` with the pieces of `word`, in order.
    @inline(__always)
    func forEachPiece(of word: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        var start = 0
        var index = 1
        while index < word.count {
            if word[index] == Self.firstByte, Self.isMark(word, at: index), !Self.followsMark(word, index),
                crossing.isEmpty || !crossing.contains(Self.scalar(word, before: index))
            {
                body(UnsafeBufferPointer(rebasing: word[start..<index]))
                start = index
            }
            index += 1
        }
        if start < word.count { body(UnsafeBufferPointer(rebasing: word[start...])) }
    }

    private static let firstByte: UInt8 = 0xE2

    @inline(__always)
    private static func isMark(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        index + 2 < text.count && text[index] == 0xE2 && text[index + 1] == 0x96 && text[index + 2] == 0x81
    }

    @inline(__always)
    private static func followsMark(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool { index >= 3 && isMark(text, at: index - 3) }

    private static func scalar(_ text: UnsafeBufferPointer<UInt8>, before end: Int) -> UInt32 {
        var start = end - 1
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        return decodeScalar(text, at: start).scalar.value
    }
}
