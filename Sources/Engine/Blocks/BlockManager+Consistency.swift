/// Checks the books: what every block is used for must add up. For tests; the engine relies on it and never asks.
extension BlockManager {
    /// What is wrong, given all sequences that may hold blocks; empty when nothing is.
    func inconsistencies(_ sequences: [SequenceHandle]) -> [String] {
        var problems: [String] = []
        var owners = [Int](repeating: 0, count: total)
        for sequence in sequences {
            for index in 0..<sequence.blockCount {
                let block = sequence.blocks[index]
                owners[Int(block)] += 1
                if index < sequence.publishedBlocks, !cache.contains(block) { problems.append("block \(block) is not published") }
            }
            if sequence.computed > sequence.blockCount * KVBlock.tokens {
                problems.append("\(sequence.computed) tokens are computed in \(sequence.blockCount) blocks")
            }
        }
        var isFree = [Bool](repeating: false, count: total)
        for block in allocator.freeBlocks {
            if isFree[Int(block)] { problems.append("block \(block) is free twice") }
            isFree[Int(block)] = true
        }
        var children = [Int](repeating: 0, count: total)
        for block in 0..<Int32(total) where cache.contains(block) {
            let parent = cache.nodes[Int(block)].parent
            if parent == PrefixCache.none { continue }
            children[Int(parent)] += 1
            if !cache.contains(parent) { problems.append("block \(block) is cached without its parent \(parent)") }
        }
        for block in 0..<total {
            let node = cache.nodes[block]
            if owners[block] != allocator.ownerCount(Int32(block)) {
                problems.append("block \(block) has \(owners[block]) owners, and \(allocator.ownerCount(Int32(block))) on the books")
            }
            if isFree[block] != (owners[block] == 0 && !node.isCached) { problems.append("block \(block) is lost, or free and in use") }
            if node.isUnused != (owners[block] == 0 && node.isCached) { problems.append("block \(block) stands in the wrong list") }
            if Int(node.children) != children[block] { problems.append("block \(block) has \(children[block]) children") }
        }
        return problems + unusedListProblems()
    }

    private func unusedListProblems() -> [String] {
        var problems: [String] = []
        var seen = Set<Int32>()
        var block = cache.oldest
        while block != PrefixCache.none, seen.insert(block).inserted {
            let parent = cache.nodes[Int(block)].parent
            if seen.contains(parent) { problems.append("block \(block) would be evicted after its parent \(parent)") }
            block = cache.nodes[Int(block)].next
        }
        if seen.count != cached { problems.append("\(seen.count) blocks are in the list of \(cached) unused ones") }
        return problems
    }
}
