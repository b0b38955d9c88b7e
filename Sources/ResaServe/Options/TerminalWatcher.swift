import Terminal
import Workbench

/// Shows work on standard error.
struct TerminalWatcher: WorkWatcher {
    func begin(_ label: String, count: Int?) -> any WatchedWork {
        count.map { ProgressReporter(label, count: $0) } ?? ProgressReporter(label)
    }
}

extension ProgressReporter: WatchedWork {}
