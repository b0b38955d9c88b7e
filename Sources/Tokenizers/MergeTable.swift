/// From a pair of neighbouring tokens to the token they merge into and the merge's rank (lower merges first).
///
/// Open addressing over 16-byte slots: one cache line per look-up nearly always.
struct MergeTable: Sendable {
    private struct Slot {
        var key: UInt64
        var merge: Merge
    }

    struct Merge: Sendable {
        var rank: Int32
        var id: Int32
    }

    private static let empty = UInt64.max
    private var slots: [Slot]
    private let shift: UInt64

    init(capacity: Int) {
        var bits: UInt64 = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        slots = [Slot](repeating: Slot(key: Self.empty, merge: Merge(rank: .max, id: -1)), count: 1 << bits)
        shift = 64 - bits
    }

    /// Of merges of the same pair the last one stays, as in the reference implementation.
    mutating func insert(left: Int32, right: Int32, rank: Int32, id: Int32) {
        let key = Self.key(left, right)
        var slot = place(of: key)
        while slots[slot].key != Self.empty, slots[slot].key != key { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Slot(key: key, merge: Merge(rank: rank, id: id))
    }

    /// The merge of the pair; its rank is `Int32.max` when there is none.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> Merge {
        let key = Self.key(left, right)
        return slots.withUnsafeBufferPointer { slots in
            var slot = place(of: key)
            while true {
                let entry = slots[slot]
                if entry.key == key { return entry.merge }
                if entry.key == Self.empty { return Merge(rank: .max, id: -1) }
                slot = (slot + 1) & (slots.count - 1)
            }
        }
    }

    @inline(__always)
    private func place(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: ((key ^ key >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
