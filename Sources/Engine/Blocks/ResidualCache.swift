import Models
import Tensors

/// What the lower layers made of the prefixes they have read: per block of a prefix the residual stream after some number of layers, and
/// the keys and values of the layers below. A sequence whose adapters leave those layers alone begins above them, with what the base
/// model, or any other such sequence, has left here.
///
/// Entries stand by themselves: they hold copies, so neither the KV block they came from nor the sequence need live on, and copying back
/// what was copied out gives every bit that computing would. They form a tree as in `PrefixCache`, one for each number of layers, whose
/// lookups are verified token by token. The last block of a prompt may be a partial one; its place beyond the prompt is filled with
/// `padding`, so only a prompt that ends there finds it.
///
/// Memory is bounded by a budget, beyond which the least recently used entry goes, children before parents. Nothing here is touched by
/// steps in which every sequence decodes. Confined to the engine thread.
final class ResidualCache {
    /// Numbers of layers that entries are made for: those asked for last.
    static let layersLimit = 4
    /// No token.
    private static let padding: Int32 = -1

    /// An entry that the step under way makes: its place is reserved, and it is not in the tree yet.
    struct Capture {
        let sequence: SequenceHandle
        let block: Int
        /// Positions in the block.
        let positions: Range<Int>
        let layers: Int
        fileprivate let slot: Int32
        fileprivate let parent: Int32
        fileprivate let hash: UInt64
    }

    private let cache: KVCache
    private let width: Int
    private let budget: Int
    private let hash: PrefixHash
    private let seed = UInt64.random(in: .min ... .max)
    private let tree: PrefixCache
    private let slots: BlockAllocator
    /// What each slot holds: `[32, width]` floats, then the keys and values.
    private let places: AlignedBuffer<UnsafeMutableRawPointer?>
    /// The step in which each slot was used last.
    private let lastUse: AlignedBuffer<Int>
    private let padded: AlignedBuffer<Int32>

    private var step = 0
    /// Numbers of layers, the one asked for last at the end; and the same, largest first.
    private var asked: [Int] = []
    private var layersDescending: [Int] = []
    private(set) var captures: [Capture] = []

    private(set) var byteCount = 0
    private(set) var evictions = 0

    /// - Parameters:
    ///   - width: elements of a residual stream.
    ///   - budget: bytes; nil is returned when not even one entry fits.
    init?(cache: KVCache, width: Int, budget: Int, hash: @escaping PrefixHash) {
        self.cache = cache
        self.width = width
        self.budget = budget
        self.hash = hash
        let smallest = Self.bytes(cache, width, layers: 1)
        guard budget >= smallest else { return nil }
        let count = min(budget / smallest, 1 << 20)
        tree = PrefixCache(blocks: count)
        slots = BlockAllocator(total: count)
        places = AlignedBuffer(repeating: nil, count: count)
        lastUse = AlignedBuffer(repeating: -1, count: count)
        padded = AlignedBuffer(count: KVBlock.tokens)
    }

    deinit {
        for slot in 0..<slots.total { places[slot]?.deallocate() }
    }

    /// Entries are made for this many layers from now on, until others have been asked for more recently. The whole depth counts when
    /// only what comes after the last block is changed; 0 and more than the depth are nothing to ask for.
    func ask(for layers: Int) {
        guard layers > 0, layers <= cache.layers, asked.last != layers else { return }
        asked.removeAll { $0 == layers }
        asked.append(layers)
        if asked.count > Self.layersLimit { asked.removeFirst() }
        layersDescending = asked.sorted(by: >)
    }

    /// Whether anybody has asked.
    var isAsked: Bool { !asked.isEmpty }

    // MARK: A step

    func beginStep() {
        step += 1
        captures.removeAll(keepingCapacity: true)
    }

    /// Entries for the blocks of a sequence from number `block` on, as many as there are without a gap, with the most layers for which
    /// there are any; they stay for this step.
    func match(_ sequence: SequenceHandle, from block: Int) -> (layers: Int, slots: ArraySlice<Int32>)? {
        let usable = usableBlocks(sequence)
        guard block < usable else { return nil }
        for layers in layersDescending where layers <= sequence.sharedLayers {
            let path = walk(sequence, layers: layers, limit: usable).slots
            guard path.count > block else { continue }
            touch(path[path.count - 1])
            return (layers, path[block...])
        }
        return nil
    }

    /// Copies an entry's keys and values to where the sequence's block `block` lies.
    func restore(_ slot: Int32, layers: Int, to block: Int, of sequence: SequenceHandle) {
        cache.restore(block: Int(sequence.blocks[block]), layers: layers, from: keysAndValues(slot))
    }

    /// The residual stream `[width]` at a place of an entry's block.
    func residual(_ slot: Int32, at place: Int) -> UnsafePointer<Float> { UnsafePointer(residuals(slot) + place * width) }

    /// The first of `blocks` that another sequence makes an entry for in this step which this one could use in the next.
    func firstComing(_ sequence: SequenceHandle, _ blocks: Range<Int>) -> Int? {
        let limit = min(blocks.upperBound, usableBlocks(sequence))
        guard !captures.isEmpty, blocks.lowerBound < limit else { return nil }
        var first: Int?
        for layers in layersDescending where layers <= sequence.sharedLayers {
            var hash = seed
            for block in 0..<(first ?? limit) {
                hash = self.hash(hash, content(of: block, sequence), Int32(layers), 0)
                if block >= blocks.lowerBound, isCaptured(hash, layers: layers) {
                    first = block
                    break
                }
            }
        }
        return first
    }

    /// Reserves places for the blocks that lie whole in `positions` of a sequence, which this step computes: rows before `entered` begin
    /// above `layers` blocks, the others at the bottom. Nothing is reserved where the blocks before have no entries.
    func capture(_ sequence: SequenceHandle, _ positions: Range<Int>, entered: Int, above layers: Int) {
        for boundary in layersDescending where boundary <= sequence.sharedLayers {
            let start = boundary > layers ? positions.lowerBound : entered
            let first = KVBlock.count(tokens: start)
            let end = positions.upperBound == sequence.tokenCount ? blocks(sequence) : positions.upperBound / KVBlock.tokens
            guard first < end else { continue }
            let (path, key) = walk(sequence, layers: boundary, limit: end)
            guard path.count >= first else { continue }
            if let last = path.last { touch(last) }
            var (parent, hash) = (path.last ?? PrefixCache.none, key)
            for block in path.count..<max(end, path.count) {
                hash = self.hash(hash, content(of: block, sequence), Int32(boundary), 0)
                guard !isCaptured(hash, layers: boundary), let slot = reserve(layers: boundary) else { break }
                let from = block * KVBlock.tokens
                captures.append(
                    Capture(
                        sequence: sequence, block: block,
                        positions: from..<min(from + KVBlock.tokens, sequence.tokenCount), layers: boundary, slot: slot,
                        parent: parent, hash: hash))
                parent = slot
            }
        }
    }

    /// Where the residual streams of a capture's positions go.
    func target(_ capture: Capture) -> UnsafeMutablePointer<Float> { residuals(capture.slot) }

    /// The pass is over: makes entries of what it has captured. Called before a token is drawn or a block changes hands.
    func commit() {
        for (index, capture) in captures.enumerated() {
            if capture.sequence.isBroken {
                // Those that continue it are the same sequence's, and go with it.
                giveUp(capture.slot, layers: capture.layers)
                continue
            }
            cache.save(
                block: Int(capture.sequence.blocks[capture.block]), layers: capture.layers, to: keysAndValues(capture.slot))
            tree.insert(
                capture.slot, tokens: content(of: capture.block, capture.sequence), hash: capture.hash, parent: capture.parent,
                identity: Self.identity(capture.layers))
            let isContinued = index + 1 < captures.count && captures[index + 1].parent == capture.slot
            if !isContinued { touch(capture.slot) }
        }
        captures.removeAll(keepingCapacity: true)
    }

    // MARK: The tree

    private static func identity(_ layers: Int) -> PrefixIdentity { PrefixIdentity(adapters: Int32(layers), promptTokens: 0) }

    /// Blocks of a sequence, a partial one at the end included.
    private func blocks(_ sequence: SequenceHandle) -> Int { KVBlock.count(tokens: sequence.tokenCount) }

    /// Blocks that need no row of the layers below: what is to be read at the last token may lie there.
    private func usableBlocks(_ sequence: SequenceHandle) -> Int {
        if sequence.observesPrompt { return 0 }
        return sequence.observes ? (sequence.tokenCount - 1) / KVBlock.tokens : blocks(sequence)
    }

    /// The tokens of a block, filled up when it is a partial one; valid until the next call.
    private func content(of block: Int, _ sequence: SequenceHandle) -> UnsafePointer<Int32> {
        let tokens = sequence.tokens + block * KVBlock.tokens
        let count = sequence.tokenCount - block * KVBlock.tokens
        if count >= KVBlock.tokens { return UnsafePointer(tokens) }
        padded.pointer.update(from: tokens, count: count)
        (padded.pointer + count).update(repeating: Self.padding, count: KVBlock.tokens - count)
        return UnsafePointer(padded.pointer)
    }

    /// The entries for the beginning of a sequence, from its first block on, and the chained hash of the last.
    private func walk(
        _ sequence: SequenceHandle, layers: Int, limit: Int
    ) -> (slots: [Int32], hash: UInt64) {
        var path: [Int32] = []
        var hash = seed
        while path.count < limit {
            let tokens = content(of: path.count, sequence)
            let next = self.hash(hash, tokens, Int32(layers), 0)
            let slot = tree.find(tokens, hash: next, parent: path.last ?? PrefixCache.none, identity: Self.identity(layers))
            if slot == PrefixCache.none { break }
            path.append(slot)
            hash = next
        }
        return (path, hash)
    }

    private func isCaptured(_ hash: UInt64, layers: Int) -> Bool {
        captures.contains { $0.hash == hash && $0.layers == layers }
    }

    /// An entry and those before it are the last to go now, and stay for this step. Children go before parents, so they come first.
    private func touch(_ leaf: Int32) {
        var slot = leaf
        while slot != PrefixCache.none {
            if tree.isUnused(slot) { tree.becameUsed(slot) }
            tree.becameUnused(slot)
            lastUse[Int(slot)] = step
            slot = tree.nodes[Int(slot)].parent
        }
    }

    // MARK: Memory

    private static func bytes(_ cache: KVCache, _ width: Int, layers: Int) -> Int {
        KVBlock.tokens * width * MemoryLayout<Float>.stride + cache.blockBytes(layers: layers)
    }

    private func residuals(_ slot: Int32) -> UnsafeMutablePointer<Float> {
        guard let place = places[Int(slot)] else { preconditionFailure("residual slot \(slot) has no memory") }
        return place.assumingMemoryBound(to: Float.self)
    }

    private func keysAndValues(_ slot: Int32) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(residuals(slot) + KVBlock.tokens * width)
    }

    private func giveUp(_ slot: Int32, layers: Int) {
        byteCount -= Self.bytes(cache, width, layers: layers)
        places[Int(slot)]?.deallocate()
        places[Int(slot)] = nil
        if slots.removeOwner(slot) { slots.free(slot) }
    }

    /// A slot with room for an entry; nil when everything that could go for it is used in this step.
    private func reserve(layers: Int) -> Int32? {
        let needed = Self.bytes(cache, width, layers: layers)
        guard needed <= budget else { return nil }
        while byteCount + needed > budget || slots.freeCount == 0 {
            guard tree.oldest != PrefixCache.none, lastUse[Int(tree.oldest)] != step, let evicted = tree.evict() else { return nil }
            evictions += 1
            giveUp(evicted.block, layers: Int(evicted.identity.adapters))
        }
        guard let slot = slots.allocate() else { return nil }
        byteCount += needed
        places[Int(slot)] = .allocate(byteCount: needed, alignment: 64)
        lastUse[Int(slot)] = step
        return slot
    }
}
