import Models
import Tensors

/// Logits of a plan's output rows in order, computed a tile at a time.
struct OutputRows {
    let plan: BatchPlan
    let model: any LanguageModel
    let hidden: MatrixView
    let pool: WorkerPool
    let workspace: Workspace
    let tile: Int

    private let mark: Workspace.Mark
    private var index = 0
    private var logits: MatrixView?

    init(plan: BatchPlan, model: any LanguageModel, hidden: MatrixView, pool: WorkerPool, workspace: Workspace, tile: Int) {
        self.plan = plan
        self.model = model
        self.hidden = hidden
        self.pool = pool
        self.workspace = workspace
        self.tile = tile
        mark = workspace.mark()
    }

    func isNext(_ row: Int) -> Bool {
        index < plan.outputRows.count && plan.outputRows[index] == row
    }

    /// Logits `[vocabulary]` of the next output row; the caller may overwrite them.
    mutating func next() -> UnsafeMutablePointer<Float> {
        defer { index += 1 }
        if index % tile == 0 || logits == nil {
            workspace.release(mark)
            let rows = index..<min(index + tile, hidden.rows)
            logits = model.logits(hidden.rows(rows), pool: pool, workspace: workspace)
        }
        return logits!.row(index % tile)
    }
}
