import Tensors

/// What the residual stream begins with: a token's embedding, scaled, and its position's where positions are learned.
final class TokenEmbeddings: Sendable {
    /// Where a token's embedding is looked up: a table of its own, or the head of a tied model.
    enum Source: Sendable {
        case table(ElementTable)
        case head(PackedMatrix)
    }

    private let source: Source
    private let scale: Float
    private let positions: ElementTable?
    // Those that `source` and `positions` keep, read without counting references.
    private nonisolated(unsafe) let table: Unmanaged<ElementTable>?
    private nonisolated(unsafe) let head: Unmanaged<PackedMatrix>?
    private nonisolated(unsafe) let positionTable: Unmanaged<ElementTable>?

    /// - Parameter positions: `[positions, hidden]`; nil where positions are not learned.
    init(_ source: Source, scale: Float, positions: ElementTable?) {
        (self.source, self.scale, self.positions) = (source, scale, positions)
        switch source {
        case .table(let table): (self.table, head) = (.passUnretained(table), nil)
        case .head(let head): (table, self.head) = (nil, .passUnretained(head))
        }
        positionTable = positions.map { .passUnretained($0) }
    }

    /// Writes the rows of tokens at positions, all of which are in their tables, to `hidden` `[tokens, hidden]`.
    func write(
        _ tokens: UnsafePointer<Int32>, at places: UnsafePointer<Int32>, into hidden: MatrixView, pool: WorkerPool, workspace: Workspace
    ) {
        for row in 0..<hidden.rows {
            table?._withUnsafeGuaranteedRef { $0.copyRow(Int(tokens[row]), into: hidden.row(row)) }
            head?._withUnsafeGuaranteedRef { $0.copyRow(Int(tokens[row]), into: hidden.row(row)) }
        }
        if scale != 1 { RowOperations.scale(hidden, by: scale, pool: pool) }
        guard let positionTable else { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let added = workspace.matrix(hidden.rows, hidden.columns)
        for row in 0..<hidden.rows { positionTable._withUnsafeGuaranteedRef { $0.copyRow(Int(places[row]), into: added.row(row)) } }
        RowOperations.add(added, to: hidden, pool: pool)
    }

    /// Bytes beside the head's.
    var byteCount: Int {
        let own = if case .table(let table) = source { table.byteCount } else { 0 }
        return own + (positions?.byteCount ?? 0)
    }
}
