/// From byte strings to token ids: open addressing over the bytes of a `Vocabulary`'s arena.
///
/// Strings are kept out of it on purpose: Swift compares them by canonical equivalence, vocabularies by bytes.
struct ByteIndex: Sendable {
    private var slots: [Int32]
    private let mask: Int

    /// Room for `capacity` ids.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        mask = size - 1
    }

    /// Stores `id`, whose bytes are `vocabulary[id]`; of equal byte strings the last one stays.
    mutating func insert(_ id: Int32, in arena: TokenArena) {
        arena.withBytes(of: Int(id)) { key in
            var slot = Int(truncatingIfNeeded: Self.hash(key)) & mask
            while slots[slot] >= 0, !arena.equals(Int(slots[slot]), key) { slot = (slot + 1) & mask }
            slots[slot] = id
        }
    }

    func find(_ key: UnsafeBufferPointer<UInt8>, in arena: TokenArena) -> Int32? {
        var slot = Int(truncatingIfNeeded: Self.hash(key)) & mask
        while slots[slot] >= 0 {
            if arena.equals(Int(slots[slot]), key) { return slots[slot] }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// A multiply-and-fold hash over eight bytes at a time.
    @inline(__always)
    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var state = UInt64(truncatingIfNeeded: key.count) &* 0x9E37_79B9_7F4A_7C15
        let raw = UnsafeRawBufferPointer(key)
        var offset = 0
        while offset + 8 <= raw.count {
            state = mix(state ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var tail: UInt64 = 0
        while offset < raw.count {
            tail = tail << 8 | UInt64(raw[offset])
            offset += 1
        }
        return mix(state ^ tail ^ 0xA076_1D64_78BD_642F)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9FB2_1C65_1E98_DF25)
        return product.high ^ product.low
    }
}

/// The bytes of all tokens, one after another.
struct TokenArena: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [UInt32] = []

    var count: Int { ends.count }

    /// Appends the next token's bytes, which `write` appends to the array it is given.
    mutating func append(_ write: (inout [UInt8]) -> Void) {
        write(&bytes)
        ends.append(UInt32(truncatingIfNeeded: bytes.count))
    }

    @inline(__always)
    func range(of id: Int) -> Range<Int> {
        (id == 0 ? 0 : Int(ends[id - 1]))..<Int(ends[id])
    }

    /// The bytes of token `id`, or nothing when there is no such token.
    subscript(id: Int) -> ArraySlice<UInt8> {
        ends.indices.contains(id) ? bytes[range(of: id)] : []
    }

    @inline(__always)
    func withBytes<Result>(of id: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range(of: id)])) }
    }

    @inline(__always)
    func equals(_ id: Int, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        let range = range(of: id)
        guard range.count == key.count else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            for index in 0..<key.count where bytes[range.lowerBound + index] != key[index] { return false }
            return true
        }
    }
}
