import Dispatch
import Foundation

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
