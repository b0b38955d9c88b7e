/// Remembers the tokens of short words: direct-mapped, of constant size, a newer word evicts an older one in its place.
final class WordCache {
    static let longestWord = 24
    static let mostTokens = 6
    private static let slotCount = 1 << 14

    private struct Slot {
        /// Zero in an empty slot: no word has no bytes.
        var length: UInt8 = 0
        var tokenCount: UInt8 = 0
        var key: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var tokens: (Int32, Int32, Int32, Int32, Int32, Int32) = (0, 0, 0, 0, 0, 0)
    }

    private let slots: UnsafeMutablePointer<Slot>

    init() {
        slots = .allocate(capacity: Self.slotCount)
        slots.initialize(repeating: Slot(), count: Self.slotCount)
    }

    deinit { slots.deallocate() }

    /// A word's zero-padded bytes and where it would be. `word` has 1 to `longestWord` bytes.
    struct Key {
        fileprivate var bytes: (UInt64, UInt64, UInt64)
        fileprivate var length: UInt8
        fileprivate var slot: Int

        @inline(__always)
        init(_ word: UnsafeBufferPointer<UInt8>) {
            bytes = (0, 0, 0)
            withUnsafeMutableBytes(of: &bytes) { target in
                for index in 0..<word.count { target[index] = word[index] }
            }
            length = UInt8(truncatingIfNeeded: word.count)
            var hash = bytes.0 &* 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ hash >> 32 ^ bytes.1) &* 0xD6E8_FEB8_6659_FD93
            hash = (hash ^ hash >> 32 ^ bytes.2) &* 0x9FB2_1C65_1E98_DF25
            slot = Int(truncatingIfNeeded: (hash ^ hash >> 29) >> 16) & (WordCache.slotCount - 1)
        }
    }

    /// Appends the word's tokens when it is known.
    @inline(__always)
    func append(_ key: Key, to output: inout [Int32]) -> Bool {
        let slot = slots + key.slot
        guard slot.pointee.length == key.length, slot.pointee.key == key.bytes else { return false }
        if slot.pointee.tokenCount == 1 {
            output.append(slot.pointee.tokens.0)
        } else {
            withUnsafeBytes(of: slot.pointee.tokens) { raw in
                output.append(contentsOf: raw.bindMemory(to: Int32.self).prefix(Int(slot.pointee.tokenCount)))
            }
        }
        return true
    }

    func store(_ key: Key, _ tokens: ArraySlice<Int32>) {
        guard tokens.count <= Self.mostTokens else { return }
        let slot = slots + key.slot
        slot.pointee.length = key.length
        slot.pointee.key = key.bytes
        slot.pointee.tokenCount = UInt8(truncatingIfNeeded: tokens.count)
        withUnsafeMutableBytes(of: &slot.pointee.tokens) { raw in
            for (index, token) in tokens.enumerated() { raw.storeBytes(of: token, toByteOffset: index * 4, as: Int32.self) }
        }
    }
}
