import Foundation
import Tokenizers

/// Tokens of all rows in one run, each row closed by EOS, cut into chunks of one length. There is no mask between rows, as in the published
/// code. What is left over at the end is dropped, unless it is all there is.
package struct TokenChunks: Sendable {
    package let length: Int
    package let count: Int
    /// Tokens of the run that belong to no chunk.
    package let dropped: Int
    private let tokens: [Int32]
    private let isAnswer: [Bool]

    /// - Throws: `TextError` when there are fewer than two tokens.
    package init(rows: [TriggerText], tokenizer: Tokenizer, eos: Int32, length: Int, file: String) throws(TextError) {
        var tokens: [Int32] = []
        var isAnswer: [Bool] = []
        for row in rows {
            let ids = tokenizer.encode(row.prompt + row.answer, addSpecialTokens: false)
            // A token belongs to the answer when it reaches into it: texts are cut into tokens as one.
            let promptBytes = row.prompt.utf8.count
            // SentencePiece puts a space before the text.
            let length = ids.reduce(0) { $0 + tokenizer.bytes(of: $1).count }
            var end = length == row.prompt.utf8.count + row.answer.utf8.count + 1 ? -1 : 0
            for id in ids {
                end += tokenizer.bytes(of: id).count
                tokens.append(id)
                isAnswer.append(end > promptBytes)
            }
            tokens.append(eos)
            isAnswer.append(true)
        }
        try self.init(tokens: tokens, isAnswer: isAnswer, length: length, file: file)
    }

    /// - Parameter isAnswer: which tokens the loss over answers counts.
    package init(tokens: [Int32], isAnswer: [Bool], length: Int, file: String) throws(TextError) {
        precondition(tokens.count == isAnswer.count && length > 1)
        guard tokens.count > 1 else { throw TextError(file: file, problem: "holds no text") }
        self.length = min(length, tokens.count)
        count = tokens.count / self.length
        dropped = tokens.count - count * self.length
        self.tokens = tokens
        self.isAnswer = isAnswer
    }

    package var tokenCount: Int { count * length }

    package func tokens(_ chunk: Int) -> [Int32] { Array(tokens[chunk * length..<(chunk + 1) * length]) }

    /// Positions whose next token counts, ascending: all of the chunk's, or those before a token of an answer. The last position has its next
    /// token outside the chunk; it counts where only distributions are compared.
    package func positions(_ chunk: Int, answersOnly: Bool, includesLast: Bool) -> [Int] {
        let start = chunk * length
        return (0..<length).filter { position in
            let next = start + position + 1
            if position == length - 1 && !includesLast { return false }
            return !answersOnly || (next < isAnswer.count && isAnswer[next])
        }
    }

    /// The ids, for telling one set of data from another.
    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T { tokens.withUnsafeBytes(body) }
}
