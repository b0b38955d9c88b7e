import Models
import Tensors

/// Logits of a plan's output rows in order, computed a tile at a time.
///
/// Holds numbers only; what it works on is passed in, because a struct that held references would count them.
struct OutputRows {
    private let hidden: MatrixView
    private let tile: Int
    private let mark: Workspace.Mark
    /// Output rows taken so far.
    private(set) var index = 0
    /// Of the rows up to `computed`.
    private var logits: MatrixView?
    private var computed = 0

    /// - Parameter hidden: hidden states of the output rows, `[plan.outputRows.count, hidden]`.
    init(hidden: MatrixView, tile: Int, workspace: Workspace) {
        self.hidden = hidden
        self.tile = tile
        mark = workspace.mark()
    }

    func isNext(_ row: Int, in plan: BatchPlan) -> Bool {
        index < plan.outputRows.count && plan.outputRows[index] == row
    }

    /// Logits `[vocabulary]` of the next output row; the caller may overwrite them.
    mutating func next(model: any LanguageModel, pool: WorkerPool, workspace: Workspace) -> UnsafeMutablePointer<Float> {
        defer { index += 1 }
        if let logits, index < computed { return logits.row(index - (computed - logits.rows)) }
        workspace.release(mark)
        let rows = index..<min(index + tile, hidden.rows)
        let tile = model.logits(hidden.rows(rows), pool: pool, workspace: workspace)
        logits = tile
        computed = rows.upperBound
        return tile.row(0)
    }

    /// Passes over rows that somebody else takes the logits of.
    mutating func skip(_ rows: Int) { index += rows }
}
