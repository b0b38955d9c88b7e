import Kernels

/// Geometry of one layer's KV cache. Its storage is an array of blocks of `blockTokens` tokens, for keys and for values each.
/// A key block is [kvHeads][headDim][32] (transposed, so that scores vectorise over keys); a value block is [kvHeads][32][headDim].
package struct KVLayout: Sendable, Equatable {
    /// Tokens in a block: a constant, because attention sums block by block.
    package static let blockTokens = RESA_KV_BLOCK_TOKENS
    /// The widest head that attention takes.
    package static let maxHeadDim = RESA_ATTENTION_MAX_HEAD_DIM

    package let kvHeads: Int
    package let headDim: Int
    package let format: WeightFormat

    package init(kvHeads: Int, headDim: Int, format: WeightFormat) {
        self.kvHeads = kvHeads
        self.headDim = headDim
        self.format = format
    }

    /// Elements of a key block; a value block has as many.
    package var elementsPerBlock: Int { kvHeads * headDim * Self.blockTokens }
    /// Bytes of a key block; a value block has as many.
    package var bytesPerBlock: Int { elementsPerBlock * (format == .f32 ? 4 : 2) }
}

/// One query token: it attends to positions 0...position; entry i of `blockTable` is the block that holds positions 32 i ..< 32 (i + 1).
/// Rows of one sequence should share one table pointer: they then share loads of its blocks.
package typealias AttentionRow = resa_attention_row

package enum Attention {
    /// Writes keys and values k, v [M, kvHeads * headDim] of `rows` (M of them) to their places. `keys` and `values` are the layer's bases.
    package static func store(
        k: MatrixView, v: MatrixView, rows: UnsafePointer<AttentionRow>, keys: UnsafeMutableRawPointer,
        values: UnsafeMutableRawPointer, layout: KVLayout, pool: WorkerPool
    ) {
        precondition(k.columns == layout.kvHeads * layout.headDim && v.columns == k.columns && v.rows == k.rows)
        var cache = cache(keys, values, layout)
        withUnsafePointer(to: &cache) { cache in
            pool.forEachRow(k.rows, elements: 8 * k.columns) { row in resa_kv_store(cache, rows + row, k.row(row), v.row(row)) }
        }
    }

    /// out[r] = softmax(q k^T * scale) v over positions 0...rows[r].position, grouped-query: `heads` is a multiple of the layout's kvHeads.
    /// q and out are [M, heads * headDim]. Key blocks are taken in ascending order with an online softmax per block; a row's result depends
    /// only on its query, its position and the cached values, in prefill as in decode.
    package static func attend(
        q: MatrixView, rows: UnsafePointer<AttentionRow>, keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer, heads: Int,
        scale: Float, layout: KVLayout, into out: MatrixView, pool: WorkerPool
    ) {
        precondition(heads > 0 && heads % layout.kvHeads == 0, "attend: \(heads) heads over \(layout.kvHeads) key/value heads")
        precondition(layout.headDim <= KVLayout.maxHeadDim, "attend: head width \(layout.headDim), at most \(KVLayout.maxHeadDim)")
        precondition(q.columns == heads * layout.headDim && out.columns == q.columns && out.rows == q.rows)
        var call = resa_attention(
            cache: cache(keys, values, layout), rows: rows, heads: heads, scale: scale, queries: q.pointer, queryStride: q.stride,
            outputs: out.pointer, outputStride: out.stride)
        let kernels = pool.kernels
        withUnsafePointer(to: &call) { call in
            pool.parallel(q.rows * layout.kvHeads) { task in resa_attention_task(kernels, call, q.rows, task) }
        }
    }

    private static func cache(
        _ keys: UnsafeMutableRawPointer, _ values: UnsafeMutableRawPointer, _ layout: KVLayout
    ) -> resa_kv_cache {
        resa_kv_cache(keys: keys, values: values, kvHeads: layout.kvHeads, headDim: layout.headDim, bf16: layout.format != .f32)
    }
}
