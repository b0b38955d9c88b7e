import Checkpoints

/// Where the rows of a weight lie in the tensor that holds them.
package struct StoredRowOrder: Sendable, Equatable {
    /// Where the first one lies.
    package var first = 0
    /// Rows that lie together, and the rows from the start of one such run to that of the next; 0 where all lie together.
    package var run = 0
    package var step = 0
    /// Rows of a head whose two halves lie interleaved (`GGUFRowOrder`); 0 where they do not.
    package var interleavedHeadRows = 0

    package init() {}

    /// One row lies behind the other.
    package var isContiguous: Bool { run == 0 && interleavedHeadRows == 0 }

    /// Where row `row` lies.
    package func stored(_ row: Int) -> Int {
        if interleavedHeadRows > 0 { return first + GGUFRowOrder.stored(row, headRows: interleavedHeadRows) }
        return first + (run > 0 ? row / run * step + row % run : row)
    }
}
