import Kernels

/// Operations on one row, run by the caller on the tier that `on` names: that of the pool it works with.
extension RowOperations {
    /// log(sum(exp(row))), stable for large elements.
    package static func logSumExp(_ row: UnsafePointer<Float>, count: Int, on tier: InstructionSet) -> Float {
        tier.kernels.pointee.log_sum_exp(count, row)
    }

    /// Index of the largest element, the lowest of equal ones; NaN is below everything. 0 for an empty row.
    package static func argmax(_ row: UnsafePointer<Float>, count: Int, on tier: InstructionSet) -> Int {
        resa_argmax(tier.kernels, count, row)
    }

    /// Draws an index with probability in proportion to exp(row / temperature), among those at least `minP` times as likely as the most likely:
    /// the first whose weights up to its own exceed `uniform`, in `[0, 1)`, of them all. Overwrites the row; NaN is never drawn.
    /// -1 where there is no distribution: no element is a number above -infinity, or one is infinite.
    package static func draw(
        _ row: UnsafeMutablePointer<Float>, count: Int, temperature: Float, minP: Float, uniform: Double, workspace: Workspace,
        on tier: InstructionSet
    ) -> Int {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let sums = workspace.allocate(Float.self, (count + RESA_DRAW_RUN - 1) / RESA_DRAW_RUN)
        return resa_draw(tier.kernels, count, row, 1 / temperature, minP, uniform, sums)
    }

    /// The k largest elements in descending order, ties to the lower index, NaN below everything. Returns how many: min(k, count).
    /// `indices` and `values` hold k elements. Time O(count + k log k) for random rows.
    @discardableResult
    package static func topK(
        _ row: UnsafePointer<Float>, count: Int, k: Int, into indices: UnsafeMutablePointer<Int32>,
        values: UnsafeMutablePointer<Float>, on tier: InstructionSet
    ) -> Int {
        resa_top_k(tier.kernels, count, row, k, indices, values)
    }

    /// The row as `groups` equal runs: index and value of each run's largest element, in order of the runs (sparsify's `groupmax`).
    /// `count` is a multiple of `groups`; `indices` and `values` hold `groups` elements.
    package static func groupMax(
        _ row: UnsafePointer<Float>, count: Int, groups: Int, into indices: UnsafeMutablePointer<Int32>,
        values: UnsafeMutablePointer<Float>, on tier: InstructionSet
    ) {
        precondition(groups > 0 && count % groups == 0, "groupMax: \(count) elements in \(groups) groups")
        resa_group_max(tier.kernels, count, row, groups, indices, values)
    }

    /// y += a * x.
    package static func axpy(
        _ a: Float, _ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>, on tier: InstructionSet
    ) {
        tier.kernels.pointee.axpy(count, a, x, y)
    }

    package static func dot(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, on tier: InstructionSet
    ) -> Float {
        tier.kernels.pointee.dot(count, a, b)
    }

    package static func sumOfSquares(_ x: UnsafePointer<Float>, count: Int, on tier: InstructionSet) -> Float {
        tier.kernels.pointee.sum_of_squares(count, x)
    }

    /// The largest |x|; not finite when any x is not.
    package static func largestMagnitude(_ x: UnsafePointer<Float>, count: Int) -> Float { resa_search_largest(count, x) }
}
