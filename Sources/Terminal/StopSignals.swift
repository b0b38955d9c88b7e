import Dispatch
import Foundation
import Processes
import Synchronization

/// The first SIGINT or SIGTERM that came, 0 before. A signal handler can reach nothing but a global variable.
private let heardSignal = Atomic<Int32>(0)

/// Lets a training run end after the step it is at when SIGINT or SIGTERM comes. A second signal ends the process, as the first would have
/// without this.
package enum StopSignals {
    private static let caught = [SIGINT, SIGTERM]

    /// The number of the one that came; 0 before.
    package static var heard: Int32 { heardSignal.load(ordering: .relaxed) }

    package static var isHeard: Bool { heard != 0 }

    package static func listen() {
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
}

/// Calls back at the first Ctrl-C; the second one ends the program, as it would have without this.
package final class InterruptWatcher {
    private let source: any DispatchSourceSignal

    package init(_ onInterrupt: @escaping @Sendable () -> Void) {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT)
        source.setEventHandler {
            signal(SIGINT, SIG_DFL)
            onInterrupt()
        }
        source.activate()
    }

    package func stop() {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }
}
