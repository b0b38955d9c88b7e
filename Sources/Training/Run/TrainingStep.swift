import JSONText

/// What a run of one kind does: training SAEs (`ExtractStep`) or a LoRA (`TuneStep`). Everything between steps is `TrainingRun`'s.
package protocol TrainingStep: AnyObject {
    /// What checkpoints of this kind are marked with.
    static var kind: String { get }
    /// The verb, by which manifests say what made them.
    static var maker: String { get }
    /// The file of curves.
    static var chartFile: String { get }

    /// Which chunks each step takes.
    var order: ChunkOrder { get }
    /// Everything that decides what is computed, by name: a checkpoint with other facts belongs to another run.
    var facts: JSONObject { get }
    /// Names in the output folder, beside the manifest's, where nothing may lie when a run begins anew.
    var results: [String] { get }
    /// All that changes from step to step, in memory that stays where it is.
    var state: [StateTensor] { get }

    /// Begins after so many steps, when `state` holds what it was after them.
    func begin(after steps: Int)

    /// Makes a step. All processes of a run call at once, each with its chunks of the batch; the step itself adds up what they computed
    /// (`ProcessGroup`), so that all leave with the same `state`.
    /// - Parameters:
    ///   - number: counted from 0.
    ///   - chunks: this process's, as places in the data's chunks (`TokenChunks`), each with its part of the batch.
    /// - Returns: what holds of the whole batch, the same in all processes.
    /// - Throws: `TrainingError.notFinite`. The run ends there: some of `state` may be changed, and its last checkpoint is what counts.
    func take(_ number: Int, _ chunks: [(part: Int, chunk: Int)]) throws(TrainingError) -> StepReport

    /// Writes what was trained; only the process that leads does.
    func write(to folder: OutputFolder) throws(TrainingError)

    /// Curves over the lines of a log.
    func curves(_ log: [JSON]) -> [CurveChart.Curve]

    /// What was made and how, for people; `TrainingRun` adds the maker.
    func manifest(_ log: [JSON]) -> JSONObject
}

/// What a step tells.
package struct StepReport {
    package var loss: Double
    /// Trained on, of all processes.
    package var tokens: Int
    /// The line of the log, beside the step's number and epoch.
    package var line: JSONObject
}
