import LoadTest
import Synchronization
import Terminal

/// Tells on standard error how far a load test is: a line that renews itself on a terminal, one plain line every few seconds otherwise.
final class BenchDisplay: Sendable {
    private struct State {
        var line = ProgressLine()
        var lastLine: ContinuousClock.Instant?
        var hasDrawn = false
    }

    private let isTerminal = Console.errorIsTerminal
    private let state = Mutex(State())
    private static let plainInterval = Duration.seconds(5)

    func show(_ progress: RunProgress) {
        let line: String? = state.withLock { state in
            let text = state.line.text(progress, hasBar: isTerminal)
            let now = ContinuousClock.now
            if !isTerminal {
                let since = state.lastLine ?? now
                if state.lastLine == nil { state.lastLine = now }
                guard now - since >= Self.plainInterval else { return nil }
                state.lastLine = now
            }
            state.hasDrawn = true
            return text
        }
        if let line { if isTerminal { Console.draw(line) } else { Console.note("\(line)\n") } }
    }

    /// Clears the line, so that the report stands alone.
    func finish() {
        if isTerminal, state.withLock(\.hasDrawn) { Console.draw("") }
    }
}
