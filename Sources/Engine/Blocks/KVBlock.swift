import Tensors

/// A KV block as the engine counts it.
enum KVBlock {
    /// Positions in a block.
    static let tokens = KVLayout.blockTokens

    /// Blocks that hold `tokens` positions.
    static func count(tokens: Int) -> Int { (tokens + KVBlock.tokens - 1) / KVBlock.tokens }
}
