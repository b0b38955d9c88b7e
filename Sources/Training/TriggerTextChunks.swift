import Tokenizers

/// Tokens of trigger data in chunks of one length: every row begins with the end-of-sequence token, rows follow one another without
/// padding and without a mask between them, and what does not fill the last chunk is left out.
package struct TriggerChunks: Sendable, Equatable {
    /// Tokens in a chunk.
    package let length: Int
    package let count: Int
    private let tokens: [Int32]
    private let answers: [Bool]

    /// The tokens of chunk `index`.
    package subscript(index: Int) -> ArraySlice<Int32> { tokens[index * length..<(index + 1) * length] }

    /// Which tokens of chunk `index` belong to an answer: those that its row does not share with its text before the answer. All tokens of
    /// plain text do; the end-of-sequence tokens do not.
    package func answerMask(_ index: Int) -> ArraySlice<Bool> { answers[index * length..<(index + 1) * length] }

    /// All tokens that stand in chunks.
    package var allTokens: ArraySlice<Int32> { tokens[..<(count * length)] }

    /// - Parameters:
    ///   - length: at least 2.
    ///   - shuffleSeed: shuffles the rows first when given.
    /// - Throws: `TriggerTextError` for rows that the template cannot take, a tokenizer without end-of-sequence token, or too few tokens.
    package init(
        rows: [TriggerRow], text: TriggerText, tokenizer: Tokenizer, length: Int, shuffleSeed: UInt64? = nil
    ) throws(TriggerTextError) {
        guard let eos = tokenizer.eosToken else {
            throw TriggerTextError(file: nil, line: nil, problem: "the model's tokenizer has no end-of-sequence token to put between rows")
        }
        var rows = rows
        if let shuffleSeed {
            var random = SplitMix(seed: shuffleSeed)
            rows.shuffle(using: &random)
        }
        var (tokens, answers): ([Int32], [Bool]) = ([], [])
        for row in rows {
            let (whole, beforeAnswer) = try text.text(of: row)
            let own = tokenizer.encode(whole, addSpecialTokens: false)
            let before = beforeAnswer.isEmpty ? [] : tokenizer.encode(beforeAnswer, addSpecialTokens: false)
            let shared = zip(own, before).prefix { $0 == $1 }.count
            tokens.append(eos)
            answers.append(false)
            tokens.append(contentsOf: own)
            for index in own.indices { answers.append(index >= shared) }
        }
        guard tokens.count >= length else {
            throw TriggerTextError(
                file: nil, line: nil,
                problem: "the data has \(tokens.count) tokens, fewer than one chunk of \(length); give more data or a shorter context")
        }
        (self.tokens, self.answers, self.length) = (tokens, answers, length)
        count = tokens.count / length
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): random numbers that depend on the seed alone.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// In [0, 1), 24 bits.
    mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }
}
