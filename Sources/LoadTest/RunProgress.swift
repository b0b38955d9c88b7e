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
