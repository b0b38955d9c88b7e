extension Tokenizer {
    /// Token ids written with blanks or commas between them, in brackets or without.
    /// - Throws: `NoTokenId` for the first that is none of this vocabulary.
    package func ids(in text: String) throws(NoTokenId) -> [Int32] {
        try text.split { $0.isWhitespace || ",[]".contains($0) }.map { word throws(NoTokenId) -> Int32 in
            guard let id = Int32(word), id >= 0, Int(id) < vocabSize else { throw NoTokenId(word: String(word), limit: vocabSize) }
            return id
        }
    }
}

/// A word that is no token id.
package struct NoTokenId: Error, Equatable, CustomStringConvertible {
    package let word: String
    /// Ids are below it.
    package let limit: Int

    package init(word: String, limit: Int) { (self.word, self.limit) = (word, limit) }

    package var description: String { "'\(word)' is not a token id of this model; ids run from 0 to \(limit - 1)" }
}
