import Tensors

/// What the residual stream begins with: a token's embedding, scaled, and its position's where positions are learned.
struct TokenEmbeddings: Sendable {
    /// Where a token's embedding is looked up: a table of its own, or the head of a tied model.
    enum Source: Sendable {
        case table(ElementTable)
        case head(PackedMatrix)
    }

    let source: Source
    let scale: Float
    /// `[positions, hidden]`; nil where positions are not learned.
    let positions: ElementTable?

    /// Writes the rows of tokens at positions, all of which are in their tables, to `hidden` `[tokens, hidden]`.
    func write(
        _ tokens: UnsafePointer<Int32>, at places: UnsafePointer<Int32>, into hidden: MatrixView, pool: WorkerPool, workspace: Workspace
    ) {
        for row in 0..<hidden.rows {
            switch source {
            case .table(let table): table.copyRow(Int(tokens[row]), into: hidden.row(row))
            case .head(let head): head.copyRow(Int(tokens[row]), into: hidden.row(row))
            }
        }
        if scale != 1 { RowOperations.scale(hidden, by: scale, pool: pool) }
        guard let positions else { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let added = workspace.matrix(hidden.rows, hidden.columns)
        for row in 0..<hidden.rows { positions.copyRow(Int(places[row]), into: added.row(row)) }
        RowOperations.add(added, to: hidden, pool: pool)
    }

    /// Bytes beside the head's.
    var byteCount: Int {
        let own = if case .table(let table) = source { table.byteCount } else { 0 }
        return own + (positions?.byteCount ?? 0)
    }
}
