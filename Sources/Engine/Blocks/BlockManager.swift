import Models

/// The KV blocks of every sequence: gives them out as sequences grow, finds those that hold a known prefix, and keeps full blocks for
/// later until their room is needed.
///
/// A block is *used* while a sequence owns it, *cached* while nobody does but it holds a prefix, and *free* otherwise.
final class BlockManager {
    let allocator: BlockAllocator
    let cache: PrefixCache
    private let cachesPrefixes: Bool
    private let hash: PrefixHash
    /// Begins every chain of hashes, so that nobody can prepare prompts that collide.
    private let seed = UInt64.random(in: .min ... .max)
    private var adapterKeys = AdapterKeyTable()
    /// Cached blocks given up for others, since the start.
    private(set) var evictions = 0

    init(total: Int, cachesPrefixes: Bool, hash: @escaping PrefixHash = PrefixHashing.standard) {
        allocator = BlockAllocator(total: total)
        cache = PrefixCache(blocks: total)
        self.cachesPrefixes = cachesPrefixes
        self.hash = hash
    }

    var total: Int { allocator.total }
    var free: Int { allocator.freeCount }
    var cached: Int { cache.unusedCount }
    var used: Int { total - free - cached }
    /// Blocks a sequence could get now.
    var available: Int { free + cached }

    // MARK: Adapters

    /// The number under which blocks computed with these adapters are known; give it back with `release(adapterKey:)`.
    func number(forAdapters key: String) -> Int32 { adapterKeys.use(key) }
    func release(adapterKey: Int32) { adapterKeys.removeUser(adapterKey) }
    var adapterKeyCount: Int { adapterKeys.count }

    // MARK: Sequences

    /// Gives a sequence without blocks all it needs for its tokens, with as many from the prefix cache as it can use, and sets how far it
    /// is computed. Nothing happens when fewer than `reserve` blocks would be left.
    ///
    /// The last token is never taken from the cache: what follows it must be computed.
    func admit(_ sequence: SequenceHandle, reserve: Int) -> Bool {
        let needed = KVBlock.count(tokens: sequence.tokenCount)
        // A block from the cache may be one of those available, so without looking: this much must be there at best.
        guard needed - sequence.reusableTokens / KVBlock.tokens + reserve <= available else { return false }
        var found = 0
        var foundUnused = 0
        if cachesPrefixes {
            (found, foundUnused) = match(sequence)
        }
        guard needed - found + reserve <= available - foundUnused else { return false }
        for index in 0..<found { take(sequence.blocks[index]) }
        sequence.blockCount = found
        sequence.publishedBlocks = found
        sequence.computed = found * KVBlock.tokens
        while sequence.blockCount < needed {
            guard grow(sequence) else { preconditionFailure("KV blocks that were counted are not there") }
        }
        return true
    }

    /// Writes the cached blocks that hold the beginning of the sequence into its table, and returns how many there are and how many of
    /// them nobody uses.
    private func match(_ sequence: SequenceHandle) -> (found: Int, unused: Int) {
        let limit = sequence.reusableTokens / KVBlock.tokens
        var parent = PrefixCache.none
        var unused = 0
        for index in 0..<limit {
            let block = cache.find(
                sequence.tokens + index * KVBlock.tokens, hash: hash(of: index, in: sequence), parent: parent,
                identity: PrefixIdentity(of: sequence, block: index))
            if block == PrefixCache.none { return (index, unused) }
            sequence.blocks[index] = block
            if cache.isUnused(block) { unused += 1 }
            parent = block
        }
        return (limit, unused)
    }

    /// The chained hash of a full block, computed once in a sequence's life.
    private func hash(of index: Int, in sequence: SequenceHandle) -> UInt64 {
        while sequence.hashedBlocks <= index {
            let next = sequence.hashedBlocks
            let identity = PrefixIdentity(of: sequence, block: next)
            sequence.hashes[next] = hash(
                next == 0 ? seed : sequence.hashes[next - 1], sequence.tokens + next * KVBlock.tokens,
                identity.adapters, identity.promptTokens)
            sequence.hashedBlocks += 1
        }
        return sequence.hashes[index]
    }

    /// Gives a sequence one block more: a free one, or else the cached one unused for longest. False when there is none.
    func grow(_ sequence: SequenceHandle) -> Bool {
        guard let block = allocator.allocate() ?? evict() else { return false }
        sequence.blocks[sequence.blockCount] = block
        sequence.blockCount += 1
        return true
    }

    private func evict() -> Int32? {
        guard let evicted = cache.evict() else { return nil }
        adapterKeys.removeUser(evicted.identity.adapters)
        evictions += 1
        allocator.free(evicted.block)
        return allocator.allocate()
    }

    /// Lets a sequence share the first `count` blocks of another. It must have none yet.
    func share(_ count: Int, of leader: SequenceHandle, with sequence: SequenceHandle) {
        for index in 0..<count {
            let block = leader.blocks[index]
            take(block)
            sequence.blocks[index] = block
        }
        sequence.blockCount = count
        sequence.publishedBlocks = min(count, leader.publishedBlocks)
    }

    private func take(_ block: Int32) {
        if allocator.ownerCount(block) == 0 { cache.becameUsed(block) }
        allocator.addOwner(block)
    }

    /// Makes the blocks that a sequence has filled known to others. Where another sequence was first with the same prefix, this one
    /// changes over to its block: they hold the same bits.
    func publish(_ sequence: SequenceHandle) {
        guard cachesPrefixes else { return }
        let full = sequence.computed / KVBlock.tokens
        while sequence.publishedBlocks < full {
            let index = sequence.publishedBlocks
            let block = sequence.blocks[index]
            let parent = index == 0 ? PrefixCache.none : sequence.blocks[index - 1]
            let identity = PrefixIdentity(of: sequence, block: index)
            let tokens = sequence.tokens + index * KVBlock.tokens
            let hash = hash(of: index, in: sequence)
            let known = cache.find(tokens, hash: hash, parent: parent, identity: identity)
            if known == PrefixCache.none {
                cache.insert(block, tokens: tokens, hash: hash, parent: parent, identity: identity)
                adapterKeys.addUser(identity.adapters)
            } else if known != block {
                take(known)
                release(block)
                sequence.blocks[index] = known
            }
            sequence.publishedBlocks += 1
        }
    }

    /// Takes all blocks from a sequence, the last one first; what it has computed is lost to it unless the prefix cache keeps it.
    func releaseAll(_ sequence: SequenceHandle) {
        while sequence.blockCount > 0 {
            sequence.blockCount -= 1
            release(sequence.blocks[sequence.blockCount])
        }
        sequence.computed = 0
        sequence.publishedBlocks = 0
    }

    private func release(_ block: Int32) {
        guard allocator.removeOwner(block) else { return }
        if cache.contains(block) { cache.becameUnused(block) } else { allocator.free(block) }
    }
}
