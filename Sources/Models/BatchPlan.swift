import Adapters
import Tensors

/// What one pass computes: a list of rows, each one token at one position of one sequence.
///
/// Rows of one adapter set are contiguous (a *segment*): base weights multiply all rows at once, adapters run per segment.
/// The plan borrows block tables from its sequences, which must outlive the pass. Reused from step to step so that a
/// decode step allocates nothing.
package final class BatchPlan {
    /// Contiguous rows that share an adapter set.
    package struct Segment {
        package var rows: Range<Int>
        package let adapters: AdapterSet
    }

    package private(set) var tokens: [Int32] = []
    package private(set) var positions: [Int32] = []
    package private(set) var attention: [AttentionRow] = []
    package private(set) var contexts: [RowContext] = []
    package private(set) var segments: [Segment] = []

    /// Rows whose hidden states the caller wants back, in this order.
    package private(set) var outputRows: [Int] = []

    /// Collects what observing interventions read; rows are rows of this plan. Whoever fills the plan calls `begin` and `want`.
    package let observations = ObservationSink()

    package init() {}

    package var rowCount: Int { tokens.count }

    package func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        attention.removeAll(keepingCapacity: true)
        contexts.removeAll(keepingCapacity: true)
        segments.removeAll(keepingCapacity: true)
        outputRows.removeAll(keepingCapacity: true)
    }

    /// Adds one token as the next row and returns its index.
    ///
    /// - Parameters:
    ///   - position: absolute position in its sequence; the row attends to `0...position`.
    ///   - blockTable: KV block of every 32 positions of the sequence; must cover `position`.
    ///   - wantsOutput: whether the hidden state of this row is returned.
    @discardableResult
    package func append(
        token: Int32, position: Int, promptLength: Int, blockTable: UnsafePointer<Int32>, adapters: AdapterSet, wantsOutput: Bool
    ) -> Int {
        let row = tokens.count
        tokens.append(token)
        positions.append(Int32(position))
        attention.append(AttentionRow(position: Int32(position), blockTable: blockTable))
        contexts.append(RowContext(position: Int32(position), promptLength: Int32(promptLength), row: Int32(row)))
        if let last = segments.indices.last, segments[last].adapters === adapters || segments[last].adapters.key == adapters.key {
            segments[last].rows = segments[last].rows.lowerBound..<(row + 1)
        } else {
            segments.append(Segment(rows: row..<(row + 1), adapters: adapters))
        }
        if wantsOutput { outputRows.append(row) }
        return row
    }
}
