import Tensors

/// Hands out KV blocks from one budget and counts their owners. A block may have several (choices that share a prompt, requests that
/// share a prefix); what becomes of it when the last lets go is the caller's business.
///
/// Storage is fixed at the start, so that no call allocates memory. Confined to the engine thread.
final class BlockAllocator {
    let total: Int
    private let free: AlignedBuffer<Int32>
    private let owners: AlignedBuffer<Int32>
    private(set) var freeCount: Int

    init(total: Int) {
        self.total = total
        freeCount = total
        free = AlignedBuffer(count: total)
        owners = AlignedBuffer(count: total)
        // The lowest block is handed out first.
        for index in 0..<total { free[index] = Int32(total - 1 - index) }
    }

    /// Takes a free block for one owner; nil when there is none.
    func allocate() -> Int32? {
        guard freeCount > 0 else { return nil }
        freeCount -= 1
        let block = free[freeCount]
        owners[Int(block)] = 1
        return block
    }

    /// The blocks that are free, in no order that matters.
    var freeBlocks: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: free.pointer, count: freeCount) }

    func ownerCount(_ block: Int32) -> Int { Int(owners[Int(block)]) }

    func addOwner(_ block: Int32) { owners[Int(block)] += 1 }

    /// Whether that was the last owner. The block is not free before `free(_:)` is called.
    func removeOwner(_ block: Int32) -> Bool {
        precondition(owners[Int(block)] > 0, "KV block \(block) was released more often than it was taken")
        owners[Int(block)] -= 1
        return owners[Int(block)] == 0
    }

    /// Puts a block without owners back.
    func free(_ block: Int32) {
        precondition(owners[Int(block)] == 0 && freeCount < total, "KV block \(block) is still owned, or was freed twice")
        free[freeCount] = block
        freeCount += 1
    }
}
