/// The hash of a block: of the block before it, the tokens in it, and its identity. `@convention(c)`, because a closure that is
/// stored is counted each time it is called.
///
/// Equal blocks have equal hashes; nothing else is relied on, as what is found is compared token by token.
typealias PrefixHash =
    @convention(c) (_ parent: UInt64, _ tokens: UnsafePointer<Int32>, _ adapters: Int32, _ promptTokens: Int32) -> UInt64

enum PrefixHashing {
    /// Multiply and fold, two tokens at a time, after wyhash (Wang Yi).
    static let standard: PrefixHash = { parent, tokens, adapters, promptTokens in
        func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
            let product = a.multipliedFullWidth(by: b)
            return product.high ^ product.low
        }
        var hash = fold(
            parent ^ 0xA076_1D64_78BD_642F,
            (UInt64(UInt32(bitPattern: adapters)) << 32 | UInt64(UInt32(bitPattern: promptTokens))) ^ 0xE703_7ED1_A0B4_28DB)
        for pair in 0..<KVBlock.tokens / 2 {
            let low = UInt64(UInt32(bitPattern: tokens[2 * pair]))
            let high = UInt64(UInt32(bitPattern: tokens[2 * pair + 1]))
            hash = fold(hash ^ 0x8EBC_6AF0_9C88_C6E3, (high << 32 | low) ^ 0x5899_65CC_7537_4CC3)
        }
        return hash
    }
}
