/// Turns one word into tokens: starts from its bytes or characters and applies the merge of lowest rank, leftmost first, until none applies.
struct BytePairEncoder: Sendable {
    /// Up to this many bytes, looking for the best merge by scanning beats a heap.
    private static let scanLimit = 40
    /// Longer words are merged in parts, so that positions fit 32 bits. No request gets near it.
    private static let partLimit = 1 << 30

    let merges: MergeTable
    /// The token of each single byte, or -1.
    let byteTokens: [Int32]
    /// Stands for bytes without a token; without it they are dropped.
    let unknownToken: Int32?
    /// Whether neighbouring unknown bytes become one unknown token.
    let fuseUnknown: Bool
    /// Whether a word that is a token as a whole is taken without merging.
    let ignoreMerges: Bool
    /// What a word begins with where the vocabulary is of characters; else it is of bytes.
    var characters: CharacterSymbols?

    func encode(_ word: UnsafeBufferPointer<UInt8>, vocabulary: borrowing Vocabulary, scratch: MergeScratch, into output: inout [Int32]) {
        if ignoreMerges, let id = vocabulary.id(ofBytes: word) {
            output.append(id)
            return
        }
        var start = 0
        while start < word.count {
            var end = min(word.count, start + Self.partLimit)
            while end < word.count, word[end] & 0xC0 == 0x80 { end -= 1 }
            encodePart(UnsafeBufferPointer(rebasing: word[start..<end]), vocabulary, scratch: scratch, into: &output)
            start = end
        }
    }

    private func encodePart(
        _ word: UnsafeBufferPointer<UInt8>, _ vocabulary: borrowing Vocabulary, scratch: MergeScratch, into output: inout [Int32]
    ) {
        scratch.reserve(word.count)
        let count = characters?.start(word, vocabulary, scratch.ids) ?? start(word, scratch.ids)
        guard count > 1 else {
            if count == 1 { output.append(scratch.ids[0]) }
            return
        }
        if count <= Self.scanLimit {
            let left = mergeByScanning(scratch.ids, scratch.merges, count)
            output.append(contentsOf: UnsafeBufferPointer(start: scratch.ids, count: left))
        } else {
            mergeByHeap(scratch, count)
            var position: Int32 = 0
            while position >= 0 {
                output.append(scratch.ids[Int(position)])
                position = scratch.next[Int(position)]
            }
        }
        scratch.trim()
    }

    /// One symbol per byte; the number of symbols.
    private func start(_ word: UnsafeBufferPointer<UInt8>, _ ids: UnsafeMutablePointer<Int32>) -> Int {
        var count = 0
        var afterUnknown = false
        byteTokens.withUnsafeBufferPointer { tokens in
            for byte in word {
                let token = tokens[Int(byte)]
                if token >= 0 {
                    ids[count] = token
                    count += 1
                } else if let unknownToken, !(afterUnknown && fuseUnknown) {
                    ids[count] = unknownToken
                    count += 1
                }
                afterUnknown = token < 0
            }
        }
        return count
    }

    /// Merges in place by looking at all pairs each time; the number of symbols left.
    private func mergeByScanning(
        _ ids: UnsafeMutablePointer<Int32>, _ pairs: UnsafeMutablePointer<MergeTable.Merge>, _ symbols: Int
    ) -> Int {
        var count = symbols
        for index in 0..<count - 1 { pairs[index] = merges.merge(ids[index], ids[index + 1]) }
        while count > 1 {
            var best = 0
            var bestRank = Int32.max
            for index in 0..<count - 1 where pairs[index].rank < bestRank {
                best = index
                bestRank = pairs[index].rank
            }
            if bestRank == .max { break }
            ids[best] = pairs[best].id
            count -= 1
            var index = best + 1
            while index < count {
                ids[index] = ids[index + 1]
                pairs[index] = pairs[index + 1]
                index += 1
            }
            if best > 0 { pairs[best - 1] = merges.merge(ids[best - 1], ids[best]) }
            if best < count - 1 { pairs[best] = merges.merge(ids[best], ids[best + 1]) }
        }
        return count
    }

    /// Merges a linked list of symbols, taking pairs from a heap ordered by rank, then position: O(n log n) whatever the text.
    private func mergeByHeap(_ scratch: MergeScratch, _ count: Int) {
        let ids = scratch.ids
        let next = scratch.next
        let previous = scratch.previous
        for index in 0..<count {
            next[index] = index + 1 < count ? Int32(truncatingIfNeeded: index + 1) : -1
            previous[index] = Int32(truncatingIfNeeded: index - 1)
        }
        var heap = MergeHeap(storage: scratch.takeHeap())
        for index in 0..<count - 1 {
            let merge = merges.merge(ids[index], ids[index + 1])
            if merge.rank != .max { heap.append(rank: merge.rank, position: index) }
        }
        heap.order()
        while let (rank, position) = heap.pop() {
            let right = Int(next[position])
            // An entry whose pair has changed since is stale, unless the new pair has the same rank: then it is as strong, stands in the same
            // place, and its turn is now. A symbol that was swallowed has `next` = -1.
            guard right >= 0 else { continue }
            let merge = merges.merge(ids[position], ids[right])
            guard merge.rank == rank else { continue }
            ids[position] = merge.id
            let after = next[right]
            next[position] = after
            next[right] = -1
            if after >= 0 {
                previous[Int(after)] = Int32(truncatingIfNeeded: position)
                let merge = merges.merge(merge.id, ids[Int(after)])
                if merge.rank != .max { heap.push(rank: merge.rank, position: position) }
            }
            let before = Int(previous[position])
            if before >= 0 {
                let merge = merges.merge(ids[before], merge.id)
                if merge.rank != .max { heap.push(rank: merge.rank, position: before) }
            }
        }
        scratch.giveHeap(heap.storage)
    }
}
