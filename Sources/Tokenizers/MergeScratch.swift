/// Working memory of `BytePairEncoder`, kept between words.
final class MergeScratch {
    /// More symbols than this are freed after use, so that one hostile text does not stay in memory.
    private static let keptSymbols = 1 << 16

    private(set) var ids: UnsafeMutablePointer<Int32>
    private(set) var next: UnsafeMutablePointer<Int32>
    private(set) var previous: UnsafeMutablePointer<Int32>
    private(set) var merges: UnsafeMutablePointer<MergeTable.Merge>
    private var capacity: Int
    private var heap: [UInt64] = []

    init() {
        capacity = 256
        ids = .allocate(capacity: capacity)
        next = .allocate(capacity: capacity)
        previous = .allocate(capacity: capacity)
        merges = .allocate(capacity: capacity)
    }

    deinit { free() }

    private func free() {
        ids.deallocate()
        next.deallocate()
        previous.deallocate()
        merges.deallocate()
    }

    func reserve(_ symbols: Int) {
        if symbols > capacity { resize(max(symbols, min(capacity * 2, Self.keptSymbols))) }
    }

    func trim() {
        if capacity > Self.keptSymbols {
            resize(256)
            heap = []
        }
    }

    private func resize(_ symbols: Int) {
        free()
        capacity = symbols
        ids = .allocate(capacity: capacity)
        next = .allocate(capacity: capacity)
        previous = .allocate(capacity: capacity)
        merges = .allocate(capacity: capacity)
    }

    /// Lends the heap's storage, so that it is uniquely referenced while in use.
    func takeHeap() -> [UInt64] {
        var storage: [UInt64] = []
        swap(&storage, &heap)
        storage.removeAll(keepingCapacity: true)
        return storage
    }

    func giveHeap(_ storage: [UInt64]) { heap = storage }
}

/// A binary min-heap of (rank, position), both packed into one integer.
struct MergeHeap {
    private(set) var storage: [UInt64]

    init(storage: [UInt64]) { self.storage = storage }

    @inline(__always)
    private static func pack(_ rank: Int32, _ position: Int) -> UInt64 {
        UInt64(UInt32(bitPattern: rank)) << 32 | UInt64(UInt32(truncatingIfNeeded: position))
    }

    /// Adds without ordering; `order` must follow before the next `pop` or `push`.
    mutating func append(rank: Int32, position: Int) {
        storage.append(Self.pack(rank, position))
    }

    mutating func order() {
        var index = storage.count / 2
        while index > 0 {
            index -= 1
            sink(index)
        }
    }

    mutating func push(rank: Int32, position: Int) {
        storage.append(Self.pack(rank, position))
        storage.withUnsafeMutableBufferPointer { heap in
            var index = heap.count - 1
            let value = heap[index]
            while index > 0 {
                let parent = (index - 1) / 2
                if heap[parent] <= value { break }
                heap[index] = heap[parent]
                index = parent
            }
            heap[index] = value
        }
    }

    mutating func pop() -> (rank: Int32, position: Int)? {
        guard let first = storage.first, let last = storage.popLast() else { return nil }
        if !storage.isEmpty {
            storage[0] = last
            sink(0)
        }
        return (Int32(bitPattern: UInt32(truncatingIfNeeded: first >> 32)), Int(first & 0xFFFF_FFFF))
    }

    private mutating func sink(_ start: Int) {
        storage.withUnsafeMutableBufferPointer { heap in
            var index = start
            let value = heap[index]
            while true {
                var child = index * 2 + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
                if heap[child] >= value { break }
                heap[index] = heap[child]
                index = child
            }
            heap[index] = value
        }
    }
}
