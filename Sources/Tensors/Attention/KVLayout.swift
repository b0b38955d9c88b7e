import Kernels

/// How keys and values are held in memory.
package enum KVFormat: String, Sendable, CaseIterable {
    /// Exact.
    case f32
    /// Rounded to nearest even.
    case bf16
    /// 8 bits and one symmetric scale per token and head, after a Walsh-Hadamard transform of the head that keeps a few large elements from
    /// setting the scale of all others. What is stored for a token depends on that token alone.
    case int8

    /// The format that adds nothing noticeable to what the weights' own format costs.
    package init(for weights: WeightFormat) { self = weights == .f32 ? .f32 : .bf16 }

    var kernelFormat: resa_kv_format {
        switch self {
        case .f32: RESA_KV_F32
        case .bf16: RESA_KV_BF16
        case .int8: RESA_KV_INT8
        }
    }
}

/// Geometry of one layer's KV cache. Its storage is an array of blocks of `blockTokens` tokens, for keys and for values each; the layout of
/// a block is the kernels' business (`resa_kv_cache`).
package struct KVLayout: Sendable, Equatable {
    /// Tokens in a block.
    package static let blockTokens = RESA_KV_BLOCK_TOKENS
    /// The widest head that attention takes.
    package static let maxHeadDim = RESA_ATTENTION_MAX_HEAD_DIM

    package let kvHeads: Int
    package let headDim: Int
    package let format: KVFormat

    package init(kvHeads: Int, headDim: Int, format: KVFormat) {
        self.kvHeads = kvHeads
        self.headDim = headDim
        self.format = format
    }

    /// Bytes of a key block, scales included; a value block has as many. Heads are filled up to a multiple of 16 elements.
    package var bytesPerBlock: Int { kvHeads * resa_kv_head_bytes(headDim, format.kernelFormat) }
}
