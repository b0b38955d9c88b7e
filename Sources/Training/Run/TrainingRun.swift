import JSONText
import Processes
import Tensors

/// A training run from data to result: order, steps, log, checkpoints, curves, manifest. It can be killed at any moment and goes on from its
/// last checkpoint to the bits it would have reached without.
///
/// Several processes share the chunks of every step; the one that leads writes.
package final class TrainingRun {
    package let steps: Int
    private let step: any TrainingStep
    /// Only the process that leads has it.
    private let folder: OutputFolder?
    private let group: ProcessGroup

    package static let manifestFile = "manifest.json"

    /// - Parameter folder: nil in processes that do not lead.
    /// - Throws: `.unlikeProcess`.
    package init(
        _ step: any TrainingStep, folder: OutputFolder?, pool: WorkerPool, group: ProcessGroup = ProcessGroup()
    ) throws(TrainingError) {
        (self.step, self.folder, self.group) = (step, folder, group)
        steps = step.order.steps
        try group.requireSameRun(step.facts, on: pool.instructionSet)
    }

    /// Runs to the end and writes result, log, curves and manifest. The checkpoint is removed last.
    /// - Parameters:
    ///   - resumes: goes on from the folder's checkpoint.
    ///   - saveEvery: steps between checkpoints.
    ///   - shouldStop: asked after every step; true ends the run there, with a checkpoint.
    /// - Throws: `.notFinite` with the step that made it, and the checkpoint before it stays; `.occupied` when there are results already.
    @discardableResult package func run(
        resumes: Bool, saveEvery: Int, shouldStop: () -> Bool = { false }, progress: (TrainingProgress) -> Void = { _ in }
    ) throws -> TrainingEnd {
        let found = try begin(resumes: resumes)
        let log = try folder.map { try TrainingLog(folder: $0, afterStep: found) }
        var (order, trained) = (step.order, 0)
        let start = ContinuousClock.now
        for number in found..<max(steps, found) {
            let report = try step.take(number, order.chunks(number, parts: group.share(of: order.batch)))
            trained += report.tokens
            var line: JSONObject = ["step": .int(number + 1), "epoch": .int(order.epoch(of: number))]
            for (name, value) in report.line { line[name] = value }
            try log?.append(line)
            progress(
                TrainingProgress(
                    step: number + 1, steps: steps, found: found, loss: report.loss,
                    tokensPerSecond: Double(trained) / max((ContinuousClock.now - start).seconds, 1e-9)))
            guard number + 1 < steps else { break }
            let stops = group.anywhere(shouldStop())
            if stops || (number + 1) % saveEvery == 0, let folder {
                try log?.sync()
                try TrainingCheckpoint.write(step, after: number + 1, to: folder)
                try writeChart(to: folder)
            }
            if stops { return .stopped(afterStep: number + 1) }
        }
        try log?.sync()
        guard let folder else { return .finished }
        // Whatever fails from here on can be repeated from this one.
        if found < steps { try TrainingCheckpoint.write(step, after: steps, to: folder) }
        try step.write(to: folder)
        try writeChart(to: folder)
        var manifest = step.manifest(lines(folder))
        manifest["made_by"] = .string(type(of: step).maker)
        try folder.write(Self.manifestFile, JSONWriter.bytes(.object(manifest)) + [0x0A])
        try folder.remove(TrainingCheckpoint.file)
        try DurableFile.syncFolder(folder.path)
        return .finished
    }

    /// Puts all processes where the checkpoint of the one that leads is, or where its step begins.
    /// - Returns: the steps done.
    private func begin(resumes: Bool) throws -> Int {
        var found = 0
        if let folder {
            if resumes {
                found = try TrainingCheckpoint.read(into: step, from: folder)
            } else if (step.results + [Self.manifestFile]).contains(where: folder.holds) {
                throw TrainingError.occupied(folder: folder.path)
            }
        }
        for tensor in step.state { group.broadcast(tensor) }
        found = group.broadcast(found)
        step.begin(after: found)
        return found
    }

    private func lines(_ folder: OutputFolder) -> [JSON] { TrainingLog.read(folder.file(TrainingLog.file)) }

    private func writeChart(to folder: OutputFolder) throws(TrainingError) {
        let kind = type(of: step)
        try folder.write(kind.chartFile, Array(CurveChart.svg(title: kind.maker, curves: step.curves(lines(folder))).utf8))
    }
}

/// What is heard after every step.
package struct TrainingProgress: Sendable {
    /// Steps done, of so many.
    package var step: Int
    package var steps: Int
    /// Steps that an earlier process did.
    package var found: Int
    package var loss: Double
    package var tokensPerSecond: Double
}

/// How a run ended without an error.
package enum TrainingEnd: Sendable, Equatable {
    case finished
    /// It was asked to stop: its checkpoint is that of this step.
    case stopped(afterStep: Int)
}
