import Kernels

/// Causal softmax attention over whole sequences, forward and backward. Scores exist for 64 queries of a head at a time and are computed
/// again in the backward pass.
package struct CausalAttention {
    private let heads: Int
    private let kvHeads: Int
    private let headDim: Int

    package init(heads: Int, kvHeads: Int, headDim: Int) { (self.heads, self.kvHeads, self.headDim) = (heads, kvHeads, headDim) }

    /// Bytes of scores that `forward` holds.
    package static func byteCount(rows: Int, threads: Int) -> Int { 4 * threads * Int(RESA_CAUSAL_QUERIES) * rows }

    /// out [T, heads * headDim] from q (as wide) and k, v [T, kvHeads * headDim]; each head serves `heads / kvHeads` query heads.
    package func forward(q: MatrixView, k: MatrixView, v: MatrixView, into out: MatrixView, pool: WorkerPool, workspace: Workspace) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let queries = Int(RESA_CAUSAL_QUERIES)
        let blocks = (q.rows + queries - 1) / queries
        let size = queries * q.rows
        let scratch = workspace.allocate(Float.self, pool.threads * size)
        let kernels = pool.kernels
        // The longest first, so that short tasks fill the end.
        pool.parallelLanes(blocks * heads) { task, lane in
            let first = (blocks - 1 - task / heads) * queries
            var call = head(task % heads, q: q, k: k, v: v, out: out)
            resa_causal_forward(kernels, &call, first, min(queries, q.rows - first), scratch + lane * size)
        }
    }

    /// dq, dk, dv, as wide as q, k, v, from dOut; `out` is what `forward` gave.
    package func backward(
        q: MatrixView, k: MatrixView, v: MatrixView, out: MatrixView, dOut: MatrixView, dq: MatrixView, dk: MatrixView, dv: MatrixView,
        pool: WorkerPool, workspace: Workspace
    ) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let size = 2 * Int(RESA_CAUSAL_QUERIES) * q.rows
        let scratch = workspace.allocate(Float.self, pool.threads * size)
        // Gradients of keys and values per query head, summed over a group afterwards in ascending order.
        let keys = workspace.matrix(q.rows, heads * headDim)
        let values = workspace.matrix(q.rows, heads * headDim)
        let kernels = pool.kernels
        pool.parallelLanes(heads) { index, lane in
            var call = head(index, q: q, k: k, v: v, out: out)
            let column = index * headDim
            resa_causal_backward(
                kernels, &call, dOut.pointer + column, dOut.stride, dq.pointer + column, dq.stride, keys.pointer + column,
                values.pointer + column, keys.stride, scratch + lane * size)
        }
        let group = heads / kvHeads
        pool.rows(q.rows) { row in
            for (sums, parts) in [(dk, keys), (dv, values)] {
                for kvHead in 0..<kvHeads {
                    let sum = sums.row(row) + kvHead * headDim
                    let part = parts.row(row) + kvHead * group * headDim
                    sum.update(from: part, count: headDim)
                    for member in 1..<max(group, 1) {
                        RowOperations.axpy(1, part + member * headDim, count: headDim, to: sum, on: pool.instructionSet)
                    }
                }
            }
        }
    }

    private func head(_ index: Int, q: MatrixView, k: MatrixView, v: MatrixView, out: MatrixView) -> resa_causal_head {
        let kvColumn = index / (heads / kvHeads) * headDim
        return resa_causal_head(
            rows: q.rows, headDim: headDim, scale: 1 / Float(headDim).squareRoot(), q: q.pointer + index * headDim,
            k: k.pointer + kvColumn, v: v.pointer + kvColumn, qStride: q.stride, kvStride: k.stride, out: out.pointer + index * headDim,
            outStride: out.stride)
    }
}
