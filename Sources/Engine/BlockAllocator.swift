/// Hands out KV blocks from one budget. A block may have several owners (choices that share a prompt); it is free again
/// when the last lets go.
struct BlockAllocator {
    package let total: Int
    private var free: [Int32]
    private var owners: [Int32]

    init(total: Int) {
        self.total = total
        free = (0..<Int32(total)).reversed()
        owners = Array(repeating: 0, count: total)
    }

    var available: Int { free.count }
    var used: Int { total - free.count }

    /// Takes a block. The scheduler admits a sequence only when all blocks it may need are there.
    mutating func allocate() -> Int32 {
        guard let block = free.popLast() else {
            preconditionFailure("the scheduler admitted a sequence without enough KV blocks")
        }
        owners[Int(block)] = 1
        return block
    }

    mutating func share(_ block: Int32) {
        owners[Int(block)] += 1
    }

    mutating func release(_ block: Int32) {
        owners[Int(block)] -= 1
        if owners[Int(block)] == 0 { free.append(block) }
    }
}
