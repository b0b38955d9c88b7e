import Tensors

/// The tokens that penalties touch, each once, with how often it was generated: an open-addressing table whose size is fixed when it is
/// made, and a list of its entries in the order they came.
struct SeenTokens: ~Copyable {
    private let tokens: AlignedBuffer<Int32>
    private let counts: AlignedBuffer<Int32>
    /// Place in the list, or -1.
    private let slots: AlignedBuffer<Int32>
    private let mask: Int
    private let capacity: Int
    private(set) var count = 0

    /// Room for the prompt's tokens and for `generated` more; none at all makes a table that stays empty.
    init(prompt: [Int32], generated: Int) {
        capacity = prompt.count + generated
        tokens = AlignedBuffer(count: capacity)
        counts = AlignedBuffer(count: capacity)
        var size = capacity == 0 ? 0 : 16
        while size < 2 * capacity { size *= 2 }
        mask = size - 1
        slots = AlignedBuffer(repeating: -1, count: size)
        for token in prompt { add(token, count: 0) }
    }

    subscript(index: Int) -> (token: Int, count: Int) { (Int(tokens[index]), Int(counts[index])) }

    /// Counts a generated token; a table without room ignores it.
    mutating func generated(_ token: Int32) {
        if capacity > 0 { add(token, count: 1) }
    }

    private mutating func add(_ token: Int32, count added: Int32) {
        // Fibonacci hashing (Knuth, volume 3).
        var slot = Int(truncatingIfNeeded: (UInt64(UInt32(bitPattern: token)) &* 0x9E37_79B9_7F4A_7C15) >> 20) & mask
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if tokens[index] == token {
                counts[index] += added
                return
            }
            slot = (slot + 1) & mask
        }
        precondition(count < capacity, "more tokens were drawn than the sampler was told")
        slots[slot] = Int32(count)
        tokens[count] = token
        counts[count] = added
        count += 1
    }
}
