/// Turns tokens into text one by one. The texts it returns, put together, are what `Tokenizer.decode` gives for all of them; with one
/// exception: of a run of `<0x..>` tokens that is not well-formed as a whole, the characters that are complete stay.
package struct StreamingDetokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecialTokens: Bool
    /// The beginning of a character whose end has not come yet: at most three bytes.
    private var pending: [UInt8] = []
    private var isFirst: Bool
    /// How many spaces may still be taken away from the beginning.
    private var strips: Int

    /// - Parameter atBeginning: whether the text begins here. False where it goes on after other text: then the space that SentencePiece puts
    ///   before a word stays.
    package init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = true, atBeginning: Bool = true) {
        self.tokenizer = tokenizer
        self.skipSpecialTokens = skipSpecialTokens
        isFirst = atBeginning
        strips = atBeginning ? tokenizer.decoder.strippedCount : 0
    }

    /// The text that `id` completes, maybe none. Bytes that cannot become a character any more are U+FFFD.
    package mutating func append(_ id: Int32) -> String {
        if skipSpecialTokens, tokenizer.isSpecial(id) { return "" }
        if !tokenizer.decoder.isByteLevel { return appendName(id) }
        pending.append(contentsOf: tokenizer.bytes(of: id))
        let complete = pending.count - Self.incompleteTail(of: pending)
        let text = String(decoding: pending[..<complete], as: UTF8.self)
        pending.removeFirst(complete)
        return text
    }

    /// What is left when no more tokens come: U+FFFD for a character cut short.
    package mutating func finish() -> String {
        defer { pending.removeAll() }
        if !tokenizer.decoder.isByteLevel { return strip(TokenDecoder.takeCharacters(from: &pending, isEnd: true)) }
        return String(decoding: pending, as: UTF8.self)
    }

    private mutating func appendName(_ id: Int32) -> String {
        guard tokenizer.contains(id) else { return "" }
        defer { isFirst = false }
        if let byte = tokenizer.fallbackByte(id) {
            pending.append(byte)
            if tokenizer.decoder.illFormed == .eachByte { strips = 0 }
            return strip(TokenDecoder.takeCharacters(from: &pending, isEnd: false))
        }
        var bytes = TokenDecoder.takeCharacters(from: &pending, isEnd: true)
        tokenizer.appendBytes(of: id, isFirst: isFirst, to: &bytes)
        return strip(bytes)
    }

    /// `bytes` as text, without what is taken away from the beginning.
    private mutating func strip(_ bytes: [UInt8]) -> String {
        var rest = bytes[...]
        while strips > 0, !rest.isEmpty {
            guard rest.starts(with: tokenizer.decoder.stripped) else {
                strips = 0
                break
            }
            rest = rest.dropFirst(tokenizer.decoder.stripped.count)
            strips -= 1
        }
        return String(decoding: rest, as: UTF8.self)
    }

    /// The number of bytes at the end that begin a character and could still be continued to a valid one.
    static func incompleteTail(of bytes: some BidirectionalCollection<UInt8>) -> Int {
        let tail = Array(bytes.suffix(3))
        for length in 1...3 where length <= tail.count {
            let lead = tail[tail.count - length]
            if lead & 0xC0 == 0x80 { continue }
            let expected = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1
            guard length < expected else { return 0 }
            guard length > 1 else { return 1 }
            // The second byte decides whether the start is possible at all (Unicode, table 3-7).
            let second = tail[tail.count - length + 1]
            let allowed: ClosedRange<UInt8> =
                switch lead {
                case 0xE0: 0xA0...0xBF
                case 0xED: 0x80...0x9F
                case 0xF0: 0x90...0xBF
                case 0xF4: 0x80...0x8F
                default: 0x80...0xBF
                }
            return allowed.contains(second) ? length : 0
        }
        return 0
    }
}
