import Kernels

/// One query token: it attends to positions up to its own; entry i of `blockTable` is the block that holds positions 32 i ..< 32 (i + 1).
/// Rows of one sequence should share one table pointer and stand together: they then share loads of its blocks.
package typealias AttentionRow = resa_attention_row

package enum Attention {
    /// Writes keys and values k, v [M, kvHeads * headDim] of `rows` (M of them) to their places. `keys` and `values` are the layer's bases.
    package static func store(
        k: MatrixView, v: MatrixView, rows: UnsafePointer<AttentionRow>, keys: UnsafeMutableRawPointer,
        values: UnsafeMutableRawPointer, layout: KVLayout, pool: WorkerPool
    ) {
        precondition(k.columns == layout.kvHeads * layout.headDim && v.columns == k.columns && v.rows == k.rows)
        precondition(layout.headDim <= KVLayout.maxHeadDim, "store: head width \(layout.headDim), at most \(KVLayout.maxHeadDim)")
        var cache = cache(keys, values, layout)
        let kernels = pool.kernels
        withUnsafePointer(to: &cache) { cache in
            pool.forEachRow(k.rows, elements: 8 * k.columns) { row in
                kernels.pointee.store_kv(cache, rows + row, k.row(row), v.row(row))
            }
        }
    }

    /// out[r] = softmax(q k^T * scale) v over positions 0...rows[r].position, grouped-query: `heads` is a multiple of the layout's kvHeads.
    /// q and out are [M, heads * headDim].
    ///
    /// Keys are taken in chunks of a constant 512 positions, each with a softmax of its own, folded in ascending order. A row's result
    /// depends only on its query, its position and the cached values, in prefill as in decode: which rows share a tile, and whether the
    /// chunks of a row are computed by one task or by many, changes no bit. Scratch memory comes from `workspace`.
    ///
    /// With a `window`, a row sees no more than the last `window` positions up to its own (p - i < window, as `transformers` has it), and blocks
    /// that no row sees are not read: their entries in the table may be anything. With a `cap`, a score s becomes cap * tanh(s / cap) before
    /// the softmax.
    package static func attend(
        q: MatrixView, rows: UnsafePointer<AttentionRow>, keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer, heads: Int,
        scale: Float, cap: Float? = nil, window: Int? = nil, layout: KVLayout, into out: MatrixView, pool: WorkerPool, workspace: Workspace
    ) {
        precondition(heads > 0 && heads % layout.kvHeads == 0, "attend: \(heads) heads over \(layout.kvHeads) key/value heads")
        precondition(layout.headDim <= KVLayout.maxHeadDim, "attend: head width \(layout.headDim), at most \(KVLayout.maxHeadDim)")
        precondition(q.columns == heads * layout.headDim && out.columns == q.columns && out.rows == q.rows)
        precondition(cap.map { $0 > 0 } ?? true && window.map { $0 > 0 } ?? true, "attend: cap and window are above 0, or nil")
        if q.rows == 0 { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }

        var cache = cache(keys, values, layout)
        let (count, slots, kvHeads, kernels) = (q.rows, pool.threads, layout.kvHeads, pool.kernels)
        let slotTaken = workspace.allocate(UInt32.self, slots)
        slotTaken.update(repeating: 0, count: slots)
        let scratch = workspace.allocate(CChar.self, slots * resa_attention_scratch_bytes(&cache))
        var call = resa_attention(
            cache: cache, rows: rows, heads: heads, scale: scale, cap: cap ?? 0, window: Int32(clamping: window ?? 0), queries: q.pointer,
            queryStride: q.stride, outputs: out.pointer, outputStride: out.stride, partials: nil, scratch: scratch, slotTaken: slotTaken,
            slots: slots)
        let rowPartials = workspace.allocate(Int.self, count)
        var partials = 0
        let taskCount = resa_attention_plan(&call, count, pool.threads, nil, nil, &partials)
        let tasks = workspace.allocate(resa_attention_task.self, taskCount)
        _ = resa_attention_plan(&call, count, pool.threads, tasks, rowPartials, &partials)
        if partials > 0 { call.partials = workspace.allocate(Float.self, partials * resa_attention_partial_count(&cache)) }

        withUnsafePointer(to: &call) { call in
            // The last tasks first: later rows of a prompt have more keys, and short tasks at the end keep the threads busy to the end.
            pool.parallel(taskCount * kvHeads) { task in
                resa_attention_run(kernels, call, tasks + (taskCount - 1 - task / kvHeads), task % kvHeads)
            }
            if partials == 0 { return }
            pool.parallel(count * kvHeads) { task in
                resa_attention_fold(kernels, call, task / kvHeads, rowPartials[task / kvHeads], task % kvHeads)
            }
        }
    }

    private static func cache(
        _ keys: UnsafeMutableRawPointer, _ values: UnsafeMutableRawPointer, _ layout: KVLayout
    ) -> resa_kv_cache {
        resa_kv_cache(
            keys: keys, values: values, kvHeads: layout.kvHeads, headDim: layout.headDim, format: layout.format.kernelFormat)
    }
}
