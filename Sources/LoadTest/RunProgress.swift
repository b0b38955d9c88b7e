import Measuring

/// How far a run is, for a display.
package struct RunProgress: Sendable {
    package enum Phase: Sendable, Equatable {
        case preparing, warmingUp, measuring
    }

    package var phase: Phase
    package var answered = 0
    package var failed = 0
    package var inFlight = 0
    /// nil when only time ends the run.
    package var maxRequests: Int?
    /// Seconds since the phase began.
    package var elapsed = 0.0
    /// Seconds after which no new request is sent; nil when only their number ends the run.
    package var maxSeconds: Double?
    /// Pieces of text received in the phase.
    package var pieces = 0

    /// 0...1: whichever end is nearer.
    package var fraction: Double {
        let byCount = maxRequests.map { Double(answered + failed) / Double(max($0, 1)) } ?? 0
        let byTime = maxSeconds.map { elapsed / max($0, 1e-9) } ?? 0
        return min(max(byCount, byTime), 1)
    }
}

extension RunProgress {
    /// At the beginning of a phase.
    package init(phase: Phase) { self.init(phase: phase, answered: 0, failed: 0) }
}

/// How far a load test is, in one line.
package struct ProgressLine {
    private var last: RunProgress?
    private var tokensPerSecond = 0.0

    package init() {}

    /// - Parameter hasBar: whether the line renews itself, and so begins with a bar.
    package mutating func text(_ progress: RunProgress, hasBar: Bool) -> String {
        // The rate over the last quarter of a second leaps; a moving mean over some two seconds can be read.
        if let last, last.phase == progress.phase, progress.elapsed > last.elapsed {
            let rate = Double(progress.pieces - last.pieces) / (progress.elapsed - last.elapsed)
            tokensPerSecond += (rate - tokensPerSecond) * min(1, (progress.elapsed - last.elapsed) / 2)
        } else {
            tokensPerSecond = 0
        }
        last = progress
        return line(progress, hasBar: hasBar)
    }

    private func line(_ progress: RunProgress, hasBar: Bool) -> String {
        guard progress.phase != .preparing else { return "resa bench: preparing" }
        let fraction = progress.fraction
        var line = progress.phase == .warmingUp ? "warm-up" : "measuring"
        if hasBar {
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
