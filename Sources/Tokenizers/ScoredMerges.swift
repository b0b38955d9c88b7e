/// SentencePiece's merges: it has no list of them, but joins any two neighbours whose texts together are a token, the one of the highest score
/// first, of equal ones the leftmost. So every way to cut a token in two tokens is a merge, ranked by the token's score.
///
/// A token with a character that is no token itself cannot be reached; SentencePiece's trainer makes every character a token.
enum ScoredMerges {
    /// - Parameters:
    ///   - ids: the tokens that merging may join and yield.
    ///   - scores: by id.
    static func table(_ vocabulary: Vocabulary, ids: [Int32], scores: [Double]) -> MergeTable {
        var isMergeable = [Bool](repeating: false, count: vocabulary.count)
        for id in ids { isMergeable[Int(id)] = true }
        var ranks: [Double: Int32] = [:]
        for score in Set(ids.map { scores[Int($0)] }).sorted(by: >) { ranks[score] = Int32(truncatingIfNeeded: ranks.count) }
        var merges: [(left: Int32, right: Int32, rank: Int32, id: Int32)] = []
        for id in ids {
            guard let rank = ranks[scores[Int(id)]] else { continue }
            vocabulary.withName(of: Int(id)) { name in
                for cut in name.indices.dropFirst() where name[cut] & 0xC0 != 0x80 {
                    guard let left = vocabulary.id(ofBytes: UnsafeBufferPointer(rebasing: name[..<cut])), isMergeable[Int(left)],
                        let right = vocabulary.id(ofBytes: UnsafeBufferPointer(rebasing: name[cut...])), isMergeable[Int(right)]
                    else { continue }
                    merges.append((left, right, rank, id))
                }
            }
        }
        var table = MergeTable(capacity: merges.count)
        for merge in merges { table.insert(left: merge.left, right: merge.right, rank: merge.rank, id: merge.id) }
        return table
    }
}
