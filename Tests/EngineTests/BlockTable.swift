/// KV blocks at an address that stays put while batch plans point at it.
final class BlockTable {
    let blocks: UnsafeMutablePointer<Int32>
    let count: Int

    init(_ blocks: [Int32]) {
        count = blocks.count
        self.blocks = .allocate(capacity: max(blocks.count, 1))
        self.blocks.update(from: blocks, count: blocks.count)
    }

    deinit { blocks.deallocate() }
}
