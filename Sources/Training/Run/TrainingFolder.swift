import Foundation
import JSONText
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
        let isFinished = group.anywhere(!isUnderway && (folder.map { Self.maker($0) == step.maker } ?? false))
        if isUnderway || isFinished, !resumes { throw .occupied(folder: path) }
        self = isUnderway ? .underway : isFinished ? .finished : .new
    }

    /// What made what lies in the folder, which only a finished run says.
    private static func maker(_ folder: OutputFolder) -> String? {
        let data = FileManager.default.contents(atPath: folder.file(TrainingRun.manifestFile))
        return data.flatMap { try? JSON(parsing: Array($0)) }?["made_by"]?.string
    }
}
