import ArgumentParser
import Processes
import Tensors
import Terminal
import Training

extension StopSignals {
    /// Says how to go on with a run that a signal to one of the processes stopped, and gives the status that shells give processes ended by
    /// that signal.
    static func exitCode(of run: String, afterStep step: Int, of steps: Int, group: ProcessGroup) -> ExitCode {
        Console.note("resa: stopped after step \(step) of \(steps) and kept in \(run); the same command with --resume goes on\n")
        return ExitCode(128 + Int32(group.gather(Int(heard)).max() ?? 0))
    }
}

extension StepDisplay {
    func report(_ progress: TrainingProgress) {
        report(
            step: progress.step, of: progress.steps, found: progress.found, loss: progress.loss, tokensPerSecond: progress.tokensPerSecond)
    }
}
