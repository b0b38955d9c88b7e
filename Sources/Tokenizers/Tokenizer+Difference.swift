/// How a tokenizer differs from another in what it makes of a text.
package struct TokenizerDifference: Sendable, Equatable {
    /// Ids that stand for other bytes, or for a token here and for none there.
    package var changedIDs: [Int32] = []
    /// One more than the highest id of each.
    package var size: Int
    package var otherSize: Int
    /// Whether the same marks begin and end a sequence, and are put around a text.
    package var sameMarks: Bool
}

extension Tokenizer {
    /// - Parameter idLimit: ids from here on are left out; the model cannot take them.
    package func difference(from other: Tokenizer, idLimit: Int = .max) -> TokenizerDifference {
        var difference = TokenizerDifference(
            size: vocabSize, otherSize: other.vocabSize,
            sameMarks: bosToken == other.bosToken && eosToken == other.eosToken && template.prefix == other.template.prefix
                && template.suffix == other.template.suffix)
        for id in 0..<min(vocabSize, other.vocabSize, idLimit) {
            let id = Int32(id)
            guard vocabulary.contains(id) || other.vocabulary.contains(id) else { continue }
            if vocabulary.contains(id) != other.vocabulary.contains(id) || vocabulary.arena[Int(id)] != other.vocabulary.arena[Int(id)] {
                difference.changedIDs.append(id)
            }
        }
        return difference
    }
}
