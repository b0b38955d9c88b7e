import Foundation
import Models
import Tensors

/// Remembers which blocks hold which prefix, so that a later sequence with the same beginning need not compute it again.
///
/// Every full block is a node of a tree: its parent is the block before it. A lookup goes by hash and is then verified: parent, tokens
/// and identity must be equal, so a collision costs time and never serves another prefix's keys and values. The identity of a block
/// stands for itself and, through the parent, for all blocks before it.
///
/// Blocks nobody uses stand in a list, least recently used first. A sequence lets its last block go first, and whoever uses a block uses
/// its parents too, so in that list a child always stands before its parent: the first of the list is a leaf.
///
/// All storage is fixed at the start: no call allocates. Confined to the engine thread.
final class PrefixCache {
    struct Node: BitwiseCopyable {
        var hash: UInt64 = 0
        var parent: Int32 = none
        var identity = PrefixIdentity(adapters: 0, promptTokens: 0)
        var children: Int32 = 0
        var isCached = false
        /// In the chain of its bucket.
        var nextInBucket: Int32 = none
        /// In the list of unused blocks.
        var previous: Int32 = none
        var next: Int32 = none
        var isUnused = false
    }

    /// No block.
    static let none: Int32 = -1

    let total: Int
    let nodes: AlignedBuffer<Node>
    private let tokens: AlignedBuffer<Int32>
    private let buckets: AlignedBuffer<Int32>
    private let bucketMask: UInt64
    private(set) var oldest: Int32 = none
    private var newest: Int32 = none
    private(set) var unusedCount = 0
    private(set) var cachedCount = 0

    init(blocks total: Int) {
        self.total = total
        nodes = AlignedBuffer(repeating: Node(), count: total)
        tokens = AlignedBuffer(count: total * KVBlock.tokens)
        var bucketCount = 16
        while bucketCount < 2 * total { bucketCount *= 2 }
        bucketMask = UInt64(bucketCount - 1)
        buckets = AlignedBuffer(repeating: Self.none, count: bucketCount)
    }

    /// The block that holds `tokens` after `parent` (`none` at the start of a sequence), or `none`.
    func find(_ tokens: UnsafePointer<Int32>, hash: UInt64, parent: Int32, identity: PrefixIdentity) -> Int32 {
        var block = buckets[Int(hash & bucketMask)]
        while block != Self.none {
            let node = nodes[Int(block)]
            if node.hash == hash, node.parent == parent, node.identity == identity, holds(block, tokens) { return block }
            block = node.nextInBucket
        }
        return Self.none
    }

    private func holds(_ block: Int32, _ wanted: UnsafePointer<Int32>) -> Bool {
        memcmp(tokens.pointer + Int(block) * KVBlock.tokens, wanted, KVBlock.tokens * MemoryLayout<Int32>.size) == 0
    }

    func contains(_ block: Int32) -> Bool { nodes[Int(block)].isCached }

    /// Remembers a block in use. The same prefix must not be there yet, and its parent must be.
    func insert(_ block: Int32, tokens: UnsafePointer<Int32>, hash: UInt64, parent: Int32, identity: PrefixIdentity) {
        precondition(!contains(block) && (parent == Self.none || contains(parent)), "KV block \(block) has no place in the prefix cache")
        let bucket = Int(hash & bucketMask)
        nodes[Int(block)] = Node(
            hash: hash, parent: parent, identity: identity, isCached: true, nextInBucket: buckets[bucket])
        buckets[bucket] = block
        (self.tokens.pointer + Int(block) * KVBlock.tokens).update(from: tokens, count: KVBlock.tokens)
        if parent != Self.none { nodes[Int(parent)].children += 1 }
        cachedCount += 1
    }

    /// Nobody uses the block any more: it may be evicted, after all that are unused already.
    func becameUnused(_ block: Int32) {
        nodes[Int(block)].isUnused = true
        nodes[Int(block)].previous = newest
        nodes[Int(block)].next = Self.none
        if newest != Self.none { nodes[Int(newest)].next = block } else { oldest = block }
        newest = block
        unusedCount += 1
    }

    /// Somebody uses an unused block again.
    func becameUsed(_ block: Int32) {
        let node = nodes[Int(block)]
        precondition(node.isUnused, "KV block \(block) is in use already")
        if node.previous != Self.none { nodes[Int(node.previous)].next = node.next } else { oldest = node.next }
        if node.next != Self.none { nodes[Int(node.next)].previous = node.previous } else { newest = node.previous }
        nodes[Int(block)].isUnused = false
        unusedCount -= 1
    }

    func isUnused(_ block: Int32) -> Bool { nodes[Int(block)].isUnused }

    /// Forgets the block that has been unused for longest and returns it with its identity; nil when every block is in use.
    func evict() -> (block: Int32, identity: PrefixIdentity)? {
        guard oldest != Self.none else { return nil }
        let block = oldest
        let node = nodes[Int(block)]
        precondition(node.children == 0, "KV block \(block) is evicted before the blocks that continue it")
        becameUsed(block)
        unlink(block, bucket: Int(node.hash & bucketMask))
        if node.parent != Self.none { nodes[Int(node.parent)].children -= 1 }
        nodes[Int(block)] = Node()
        cachedCount -= 1
        return (block, node.identity)
    }

    private func unlink(_ block: Int32, bucket: Int) {
        var link = buckets[bucket]
        if link == block {
            buckets[bucket] = nodes[Int(block)].nextInBucket
            return
        }
        while nodes[Int(link)].nextInBucket != block { link = nodes[Int(link)].nextInBucket }
        nodes[Int(link)].nextInBucket = nodes[Int(block)].nextInBucket
    }
}
