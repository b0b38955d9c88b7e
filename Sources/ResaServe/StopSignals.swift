import ArgumentParser
import Foundation
import Processes
import Synchronization
import Tensors

/// The first SIGINT or SIGTERM that came, 0 before. A signal handler can reach nothing but a global variable.
private let heardSignal = Atomic<Int32>(0)

/// Lets a training run end after the step it is at when SIGINT or SIGTERM comes. A second signal ends the process, as the first would have
/// without this.
enum StopSignals {
    private static let caught = [SIGINT, SIGTERM]

    static var isHeard: Bool { heardSignal.load(ordering: .relaxed) != 0 }

    static func listen() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            heardSignal.store(number, ordering: .relaxed)
            signal(SIGINT, SIG_DFL)
            signal(SIGTERM, SIG_DFL)
        }
        // What is being written when the signal comes is written on.
        action.sa_flags = SA_RESTART
        for number in caught { sigaction(number, &action, nil) }
    }

    /// Says how to go on with a run that a signal to one of the processes stopped, and gives the status that shells give processes ended by
    /// that signal.
    static func exitCode(of run: String, afterStep step: Int, of steps: Int, group: ProcessGroup) -> ExitCode {
        Console.note("resa: stopped after step \(step) of \(steps) and kept in \(run); the same command with --resume goes on\n")
        return ExitCode(128 + Int32(group.gather(Int(heardSignal.load(ordering: .relaxed))).max() ?? 0))
    }
}
