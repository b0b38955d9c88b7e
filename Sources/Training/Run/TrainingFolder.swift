import Processes

/// What a run finds in its folder.
package enum TrainingFolder: Sendable, Equatable {
    case new
    /// A checkpoint of a run under way.
    case underway
    case finished

    /// - Parameters:
    ///   - folder: the one at `path`; nil in processes that do not lead.
    ///   - resumes: whether a run that is there already is to be gone on with.
    /// - Throws: `.occupied` when one is there and is not.
    package init(
        _ folder: OutputFolder?, at path: String, of step: any TrainingStep.Type, resumes: Bool, group: ProcessGroup
    ) throws(TrainingError) {
        let isUnderway = folder?.holds(TrainingCheckpoint.file) ?? false
        let isFinished = group.anywhere(!isUnderway && (folder.map { step.finished.allSatisfy($0.holds) } ?? false))
        if isUnderway || isFinished, !resumes { throw .occupied(folder: path) }
        self = isUnderway ? .underway : isFinished ? .finished : .new
    }
}
