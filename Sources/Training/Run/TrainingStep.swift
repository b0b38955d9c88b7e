import JSONText

/// What a run of one kind does: training SAEs (`ExtractStep`) or a LoRA (`TuneStep`). Everything between steps is `TrainingRun`'s.
package protocol TrainingStep: AnyObject {
    /// What checkpoints of this kind are marked with.
    static var kind: String { get }
    /// Files that together say that a folder holds a finished run.
    static var finished: [String] { get }
    /// Name and title of the file of curves.
    static var chart: (file: String, title: String) { get }

    /// Which chunks each step takes.
    var order: ChunkOrder { get }
    /// Everything that decides what is computed, by name: a checkpoint with other facts belongs to another run.
    var facts: JSONObject { get }
    /// Names in the output folder where nothing may lie when a run begins anew.
    var results: [String] { get }
    /// All that changes from step to step, in memory that stays where it is.
    var state: [StateTensor] { get }

    /// Begins after so many steps, when `state` holds what it was after them.
    func begin(after steps: Int)

    /// Makes a step. All processes of a run call at once.
    /// - Parameters:
    ///   - number: counted from 0.
    ///   - chunks: this process's of the step, each with its place in the batch.
    /// - Throws: `TrainingError.notFinite`. The run ends there: some of `state` may be changed, and its last checkpoint is what counts.
    func take(_ number: Int, _ chunks: [(part: Int, chunk: Int)]) throws(TrainingError) -> StepReport

    /// Writes what was trained.
    func write(to folder: OutputFolder) throws(TrainingError)

    /// Curves over the lines of a log.
    func curves(_ log: [JSON]) -> [CurveChart.Curve]

    /// What was made and how, for people.
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
