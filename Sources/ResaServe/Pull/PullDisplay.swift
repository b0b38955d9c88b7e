import AdapterRegistry
import Downloads
import Synchronization
import Terminal

/// Shows on standard error how far a pull is, as soon as its size is known.
final class PullDisplay: Sendable {
    private let label: String
    private let reporter = Mutex<ProgressReporter?>(nil)

    init(_ source: String) { label = "resa: pulling \(source)" }

    func show(_ progress: PullProgress) {
        guard let total = progress.totalBytes, total > 0 else { return }
        reporter.withLock { reporter in
            // What was here before says nothing about the rate.
            let shown = reporter ?? ProgressReporter(label, bytes: total)
            shown.update(bytes: total, found: progress.bytesFound)
            shown.report(Double(progress.bytes) / Double(total))
            reporter = shown
        }
    }

    func breakOff() { reporter.withLock { $0?.breakOff() } }

    func finish() { reporter.withLock { $0?.finish() } }
}
