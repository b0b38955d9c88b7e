import Dispatch
import Foundation
import LoadTest
import Measuring
import Synchronization

/// Tells on standard error how far a load test is: a line that renews itself on a terminal, one plain line every few seconds otherwise.
final class BenchDisplay: Sendable {
    private struct State {
        var last: RunProgress?
        var lastLine: ContinuousClock.Instant?
        var tokensPerSecond = 0.0
        var hasDrawn = false
    }

    private let isTerminal = Console.errorIsTerminal
    private let state = Mutex(State())
    private static let plainInterval = Duration.seconds(5)

    func show(_ progress: RunProgress) {
        let line: String? = state.withLock { state in
            // The rate over the last quarter of a second leaps; a moving mean over some two seconds can be read.
            if let last = state.last, last.phase == progress.phase, progress.elapsed > last.elapsed {
                let rate = Double(progress.pieces - last.pieces) / (progress.elapsed - last.elapsed)
                state.tokensPerSecond += (rate - state.tokensPerSecond) * min(1, (progress.elapsed - last.elapsed) / 2)
            } else {
                state.tokensPerSecond = 0
            }
            state.last = progress
            let now = ContinuousClock.now
            if !isTerminal {
                let since = state.lastLine ?? now
                if state.lastLine == nil { state.lastLine = now }
                guard now - since >= Self.plainInterval else { return nil }
                state.lastLine = now
            }
            state.hasDrawn = true
            return text(progress, tokensPerSecond: state.tokensPerSecond)
        }
        if let line { if isTerminal { Console.draw(line) } else { Console.note("\(line)\n") } }
    }

    /// Clears the line, so that the report stands alone.
    func finish() {
        if isTerminal, state.withLock(\.hasDrawn) { Console.draw("") }
    }

    private func text(_ progress: RunProgress, tokensPerSecond: Double) -> String {
        guard progress.phase != .preparing else { return "resa bench: preparing" }
        let fraction = progress.fraction
        var line = progress.phase == .warmingUp ? "warm-up" : "measuring"
        if isTerminal {
            let cells = 24
            let filled = Int(fraction * Double(cells))
            line += " [\(String(repeating: "#", count: filled))\(String(repeating: ".", count: cells - filled))]"
        }
        line += " \(Int(fraction * 100)) %, \(progress.answered)\(progress.maxRequests.map { "/\($0)" } ?? "") answered"
        if progress.failed > 0 { line += ", \(progress.failed) failed" }
        line += ", \(progress.inFlight) in flight"
        if progress.elapsed > 0 { line += ", \(FigureText.digits(Double(progress.answered) / progress.elapsed)) requests/s" }
        line += ", \(FigureText.digits(tokensPerSecond)) tokens/s"
        if fraction > 0, fraction < 1 { line += ", \(Int((progress.elapsed * (1 - fraction) / fraction).rounded(.up))) s left" }
        return line
    }
}

/// Calls back at the first Ctrl-C; the second one ends the program, as it would have without this.
final class InterruptWatcher {
    private let source: any DispatchSourceSignal

    init(_ onInterrupt: @escaping @Sendable () -> Void) {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT)
        source.setEventHandler {
            signal(SIGINT, SIG_DFL)
            onInterrupt()
        }
        source.activate()
    }

    func stop() {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }
}
